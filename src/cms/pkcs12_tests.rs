//! PKCS#12 files that OpenSSL made, whole, damaged and hostile.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::oid::SHA256;
use super::pkcs12::{Pkcs12Error, read_pkcs12};
use super::tlv::{INTEGER, OCTET_STRING, SEQUENCE, algorithm, constructed, element, oid};
use crate::pki::{Identity, KeyKind};
use crate::secret::Secret;

/// A P-256 key, its certificate and their authority under `geheim`: PBES2 with AES-256, a MAC with SHA-256.
const MODERN: &str = "\
    MIIFqQIBAzCCBWAGCSqGSIb3DQEHAaCCBVEEggVNMIIFSTCCBAEGCSqGSIb3DQEHBqCCA/IwggPuAgEAMIID5wYJKoZIhvcNAQcB\
    MFYGCSqGSIb3DQEFDTBJMCgGCSqGSIb3DQEFDDAbBAjg/uQync/2owIBFDAMBggqhkiG9w0CCQUAMB0GCWCGSAFlAwQBKgQQRO3H\
    0DMTmPieux9lq2ArmICCA4APM72iDBpGeTecUsXy5Vd6+CBTzerk0a3ebLSl6/sUO+U1gwV6IIalQYGaFez2b9mUieVxLZRx9XcR\
    59OPMbj263Ny7g+DK6gw0IDBLvZO2L60ryZjDF4UZFmlvj6wINNj8h0/vFfAl+4KD0yj2McKkEFAFZLee2567+YlZYqf9ZDj8lCN\
    LCzXXOaYuGFOd23nO06TK7jx30Ed+KoQUDxzY/v9rvM+O0HcecfoQY2bbv60RghAd6kmHLBmeza2WW4iqBJdqxg8Df+vZC+n7aEZ\
    ou2ohhQlq6ojcbtvEVIkuUBUPjhaAl9wNeXEsSnI0Q23+xh4KzE6QXsocWIIavuSbPH4cg1eOLQCBlFrXXmhAxDQ6/k0rA1yosOD\
    sVjBOHutOhgSPmD4EV33IiML38PYYNE5dzPW4RFOKiA509fRF0nr2xEn5+5oJ4kWwVaVB6Rf9DaUl8IIB6wzMSLOM4Q36ARLmX7o\
    qaX/41UwMRwwnElTfD4TAsi2bjv1pan2GnbhV0bEshuO7peYmL1vDPdY8nX8vRsBs1LjyIk576UzacKVjy6AROoR1KaiZK+IK3mC\
    pFI/HAC/5M7EZaB6yr+fAuUQxmxUzxTSe3tef+j8iDvMHHV2fTBXaeEnMRfRuI9kzRgtJPXSMjJAgm+kuaxAeRZAuI5Ddxv1n5xi\
    bQmDMVuep88zT4qLjwLZofBBRE8a8Y/50Q2G57fTmDgbkJRbVUXVNvOHl0A8Xt58XSHuHj5TXP87tBar2t+U5Ng6YBEfR0dRBU/j\
    ucBhCz6qSeMfckNm8DRVjouaTr5vBJRe6QJBvnwjBP1wTT9Yf42mUFvf5LoRRn93KvkBR2467BSEgr3MU7n3Z9Pp9n21Q2BidInd\
    gAxiV/DcE3k8g7xmTb26Pd73jn+gFU8feedMzMo12gLjfjqpIdFgr+0JJOUy9yf8la2I/EOIzIqesluSmEciJ/+/lv5mqis6e6ZI\
    eLptUhpxjOzsBvgHly7jJXdDTztWymUuufynuXnAtn0aOtI66+9F8JccXMYrXK9w+bgkGdhrMKrXRCpT4OdC0pSPG1xrCxdWRzSp\
    lD72Gvg4IYc7I9lkbi8Ld3949nGXz0kGfnGHYN+ekbNv6Gjs8Rf0ntTLh9jyUeQcQW5Ew5N9ek2b7238LPgblcaJWkMADzmDEWyP\
    FmAeH2ft7FmjRIGPeTCCAUAGCSqGSIb3DQEHAaCCATEEggEtMIIBKTCCASUGCyqGSIb3DQEMCgECoIHuMIHrMFYGCSqGSIb3DQEF\
    DTBJMCgGCSqGSIb3DQEFDDAbBAgyLayzWWdMBAIBFDAMBggqhkiG9w0CCQUAMB0GCWCGSAFlAwQBKgQQdj2Xyqgl0EpXuoCPYXMg\
    /wSBkIXsnueSQ+m53QaUAk/iKRVhuFxfvIKq+hvjiX2vwPhzwZhNfkGeXgjJoVq6dpYG6keg3TbE4zVxzKwjQI5VqecMH9rGE7F9\
    xi0YmPIJXpsMAul6eAyHjgt+K9jCAaZis27BeitLVcPk/llDNa3jECKMjUuoEkVs8vPP1eeBlt7t/VuJZ+1CVnLCKEc+V+JrIjEl\
    MCMGCSqGSIb3DQEJFTEWBBTtP/AYnDdAOrNAjtzD+kJhf/MR8zBAMDEwDQYJYIZIAWUDBAIBBQAEIO2LuL66hrsMou8APngmi2Fa\
    Wtrrv64GxeFdKbfsfuPEBAj3I+ykKZpU7gIBFA==";

/// The same under RC2 with 40 bits, Triple DES and SHA-1, as older programs export.
const LEGACY: &str = "\
    MIIFFwIBAzCCBN4GCSqGSIb3DQEHAaCCBM8EggTLMIIExzCCA74GCSqGSIb3DQEHBqCCA68wggOrAgEAMIIDpAYJKoZIhvcNAQcB\
    MBsGCiqGSIb3DQEMAQYwDQQIkvVQJrs01Z4CARSAggN4B3UyHuwkG4GoP7G60ieak+N7ik30fo1IQZR35WJs3jv+y0Kypi35ah02\
    mEQYJqfuAq9W5WMhUiBEmZL+XbCI0CzU9k6y5OHdEbK51IbvIwfGrj9Ro0TXhysXyLEIMtMxDhtbnab8QfRyfOY0e8f/04hfuC/G\
    FuxAROKg+2GZUvLvhnRHCRC0zarMFeUOl9KO33L33yUYO16GZAfBFKza4KQ55XMASsEKOzmt0bedE+QFeBC27zHYLKh8jXmXdXuE\
    mSi8/skAWnMuIwbOe4p6O6gA/6hFe+fSnzCJYKuelmneOybI1Trn/fjTzxu+pKscMicWLk2oN5NQ6ki9vNLUN4hgJKS6RqD3B3o8\
    I1zCCPTGV1H9DvoZtKujrfZFs2tP8C5cM9dwjDRS2M6GYoN0AtpYcs6ZTKluQxRMOO1SouEz0whkUvsngdDQMusX08t+4XRESsFO\
    SirlnqYltjfe5tslCqrP8k3o8IceJV56F+8g0+ItdH8xWwXTt/SUZ2hBA4wcbsSH96aoN3eoPBiamK1eIRXV6lvc569nU4ywtS/O\
    ab74tB6BiIZB9kjxVzF1ANYaXhnphoAMzpIrXJWFeoxDJ7k65MQzV/cLMIXAOj52UP7jANZJZ4kC38KV5coxGeppq571JswCejm7\
    4yVL/AHJ4utcUI8HuSxnhpCWQ1GXTHC7iu8faxj71RoCmEjUaXYfI3VcQkSYK11OqQQiUbVMsS/IS5wua87SgfyNqLgFLkAHx8Kf\
    6LmF4y3hpCPiOoY/v5io798/grFJlxwjdurQL/Oan7tv6wcupLvSnG9zhNBMK1n/BzGMu+naiKaSCy96uXMyAwGw+1efSTpB0JiO\
    CQes+eysKK0GxeEXTJtDzyhREWFVNiVDsrmtUgPIVg/x1wU5nNpqiB1WQs3bmZMP0er4pzdnz8fUEToLkTsq7uFxyzrZyB4Qq6xU\
    sG4WFBM07kWqkGd6H5q8rhGLJWjuJM5gMGTfAuK4CnstFvrkWmWaKdxPv1uFQs2/da1V30eyQynUlEoxI923pLOV1huqV3RuWhXK\
    Cw2hQA6SilNFKggJZocx7tn8teP4PXdCKe82pE6U1YHBW654CMOl8golThY1wqukRA/eJ4mFVdld/JLoHImITB2CwRn/DzbOaJJD\
    zYu/hhId60QECNObS4OwFQ6VrwHmMIIBAQYJKoZIhvcNAQcBoIHzBIHwMIHtMIHqBgsqhkiG9w0BDAoBAqCBszCBsDAbBgoqhkiG\
    9w0BDAEDMA0ECPmyeT0s1PmSAgEUBIGQ9SabqcInYL7RtrCtwthzNMTy0DDzIcbCmuszZ718KIGUea1/W5/tMmU6W2Z8H2a5bDBj\
    14bgzFzlyzi0z6ZQZjyRM4IzqZbhxdQAwPA3JSPBFFdXg/K7mCjP+tSonMSv0YSDNCs2/p/QSFUlz06IpnHn8c5nrrb65l6ZJIhd\
    Cu+ef1kc8LjZFzI9xKyP47RQMSUwIwYJKoZIhvcNAQkVMRYEFO0/8BicN0A6s0CO3MP6QmF/8xHzMDAwITAJBgUrDgMCGgUABBRy\
    RL9U/kHZxurztUQtw5dPLQBVMAQIv3+deSsZNB8CARQ=";

/// A certificate alone.
const WITHOUT_KEY: &str = "\
    MIIDhQIBAzCCAzwGCSqGSIb3DQEHAaCCAy0EggMpMIIDJTCCAyEGCSqGSIb3DQEHBqCCAxIwggMOAgEAMIIDBwYJKoZIhvcNAQcB\
    MFYGCSqGSIb3DQEFDTBJMCgGCSqGSIb3DQEFDDAbBAguDrRElvmAjQIBFDAMBggqhkiG9w0CCQUAMB0GCWCGSAFlAwQBKgQQyYi5\
    +5L+9Epq1ZvwYiWqlICCAqBPKh9xcJrmIGaWKeNncGdbkmoZWtmkgjBVPC6wVjrHuYQrtWWWh5j3iYOXGkTS3CsfmHbORPAvJwuN\
    OCivFrP2xuG6eWhy2WHaAyHVgWfzMJcsMWjdtm0kFUDHbV67FuLAAHdE5D753XQDjMMLguOuykIhmiuAbPWDlsge96g1ERdrdoPm\
    bq2yhMXCKh7R8XZvsFcaSXkXxfVACFZpo6ArL3F0G3Ln92G0dQ0p5H6VOoS/XMj9Sjn2IRw0E6wL8O4sK5zJdLhmeYZE/e4U+sgX\
    ldhaIoi57iOdhfxlbz+PUazG7YBixT/XG+s12xrokt1R//YCuiWwwElq3Z8qnd9GHAKQM289eNNbHIPFsBbuXtNg+tEW+Hq8RvRH\
    r8+dRQ+fSXK04Ml0N96qVbJXhctbUrdzSfOb8hjVaaHfH78PR7uvpEPqcO1JShyNF9FFajq5KqWeLulO2MHVtAvkOjXl5IFq3JCa\
    /E0lsAfg4DdQBqM0DfBAjKq3gGmUeQnVIFszCn1AFmbWb8ZhRZT+FC8gwNNuFhneoBTpZE/tRtbdeQgRzt6ZkqsrE7HaN1aNGdfM\
    VS/MG68WqSvf61vDizzrZbL4ZQtqLj7AlWCb/qdf+4xggh24qzHpQhew8EB9PJHDZNdena72fCXUgkOc1/oC3gYnRE1FIscIqpUW\
    /NA6BypFsVl/kRpMtzW4UytMWHqoJVPrY1ShZIR9ETg+rM4f6x/DuEbY2v4zybwmvpYnke9exgpUXUcaqHKLEQaBRV8UGmA5Ai90\
    /L+Kmbq2hjt3mKNwXcR2OahVROU302FzE0WuNxS++9XudIm6wef1/eQHpaNliTLWTPT38YuslEwkkF3uNPmrfXidOGFoaFWL3vno\
    3HSOBpg0D+zDUzQ2/E4wQDAxMA0GCWCGSAFlAwQCAQUABCCG3EVIllNWvbn1Tc1aHhYzWbwx4Q+70+zdG4E5kPRBagQIj3X98W3d\
    7mMCARQ=";

/// No MAC: nothing says that it is as it was made.
const WITHOUT_MAC: &str = "\
    MIIDcAIBAzCCA2kGCSqGSIb3DQEHAaCCA1oEggNWMIIDUjCCAgoGCSqGSIb3DQEHAaCCAfsEggH3MIIB8zCCAe8GCyqGSIb3DQEM\
    CgEDoIIBtzCCAbMGCiqGSIb3DQEJFgGgggGjBIIBnzCCAZswggFBoAMCAQICAQcwCgYIKoZIzj0EAwIwDTELMAkGA1UEAwwCQ0Ew\
    HhcNMjYxMTI2MTExNzUxWhcNNDYwMTI1MTExNzUxWjANMQswCQYDVQQDDAJlYzBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABMOe\
    HOceYBr2IAN9LXFItX6CGufK8luDSlG7Ftayn8DXbld39Q4dL+mp/hMifcnvIh2d+E0VOuLmY1RdTECxFBCjgZEwgY4wDgYDVR0P\
    AQH/BAQDAgOoMBMGA1UdJQQMMAoGCCsGAQUFBwMEMCcGA1UdEQQgMB6BHGxhYm9yYXRvaXJlQGJpb2xvZ2llLnNhbmRib3gwHQYD\
    VR0OBBYEFEATkD3468hS0t4mFJshNuXYVFcuMB8GA1UdIwQYMBaAFKqBWlilBQSlDuehcu1yik9klV0eMAoGCCqGSM49BAMCA0gA\
    MEUCIGVKRusPmT2Ncf0qkPEbQrokHFTN5OwgS81yDPzZN4+hAiEArLE4aDGBb/7S7eZ65w/5SDkQFNTUnjYjz0jVEMzO3BoxJTAj\
    BgkqhkiG9w0BCRUxFgQU7T/wGJw3QDqzQI7cw/pCYX/zEfMwggFABgkqhkiG9w0BBwGgggExBIIBLTCCASkwggElBgsqhkiG9w0B\
    DAoBAqCB7jCB6zBWBgkqhkiG9w0BBQ0wSTAoBgkqhkiG9w0BBQwwGwQIqF6VoRkk6C4CARQwDAYIKoZIhvcNAgkFADAdBglghkgB\
    ZQMEASoEEBKW6c2sNZSDN7Gw6GbwYQAEgZDu6bP1Nm18YNd9Wy92OpO26IrFzBbdpgF7vOu7w+cO00s4KQihgWOUfoFWcfCvIZT6\
    PwGKoh0dGttDqrvKdNaLViQScKY1qGr62a0VXZpUnCdqbEYlryKS1Y/qv+PdvckvQm6G+5uo+sYKPz398xj1ClbbQuzFFT3/5JxW\
    aRGIsNW4phYykd2AZk8vqY7OSukxJTAjBgkqhkiG9w0BCRUxFgQU7T/wGJw3QDqzQI7cw/pCYX/zEfM=";

/// A key on brainpoolP256r1 and one for X25519, each with its certificate.
const OTHER_CURVES: [(&str, KeyKind); 2] = [
    (
        "\
    MIIGSQIBAzCCBgAGCSqGSIb3DQEHAaCCBfEEggXtMIIF6TCCBKEGCSqGSIb3DQEHBqCCBJIwggSOAgEAMIIEhwYJKoZIhvcNAQcB\
    MFYGCSqGSIb3DQEFDTBJMCgGCSqGSIb3DQEFDDAbBAheRxrtApz9UwIBFDAMBggqhkiG9w0CCQUAMB0GCWCGSAFlAwQBKgQQ/Shz\
    CDVx5Anmkg4ZvLqfJoCCBCDDPMr+4jdxtPWUbvuc26HFIcmwJ/Zx6yhCV3jaozVtPqeeYe8+aauCT8ftetL+fsrNKb7yUcIvtJ0G\
    kjE3fGdGYw0cjqUOd7Rh0c0ZXEaHzRosAPCiaSZ2ArmzfozPEZWbqZB6IG19wqU/0k9h6sG4pkphVcKBdjWDp7SrAr+S9HjflhyM\
    qQMbq7SrvaMzVKkTccAiDJEIizfN/e//7QiG9HJS00U3Bth8MlX4jS7tO8d3PbjWZTEoj3Qj/5FOmhfftWGBZDwP1Fxx4o++C0z3\
    OVCb25M/O0DZ6zo7rRwExz23Vf+rfq2V9i5cGS9vcxh3t4fuZOc0ZlW2KM3oonbFxnkQ3YrMDah6W2NBVaioYAybDJawvwgdk7rG\
    cGXcYL0DUC/nXlxmPtyzJk0BaEWtL8oTyka+o1YNq/xAq+b7dQ7y8PhckJ+AZ33v/k177r5OvmWg4kPewxjQBEMyXWH2/ZjKY+Cd\
    YIAOUdx1yRy8InEFk71s1+OWJ1E9OkMke3hfO2cYVhJQKC/CnZF+FuJytVZhmT1W90FbEBnjIXbAAvj9GUy0XNsf5kc6DRpa7tEn\
    ZtB14BjxItk4cObov2BgYA9ISTdWhpD5HTwLde3vrBwO2w8r//+IG97SuBlwG+iD+YKMWoKdHI0Za46l65ehGm9n8eqAU0d1HTy+\
    t7++fV56TD/1d+S5m3ZZPLL67XTV/cWcZzZ14vvZ1txu0I+Dg8KkzEChhZKnuoaw4moJOeoR1WowphaCEVw1+EbHDbFNTNcpNjeS\
    zaVOwg6gYdabhIxVqlpyMWJBc20x8PR8n8LG+Ee5donqjFkWOvgUb7hhgv/tJdv/DPxXC/HhRxejJxpHSJM6BITQPNO0cT0nKLs3\
    /7VeDc3mtW54L06lVhCoF8RI3otYItS0PZfSyO4mjqI5NREtRH62ujO9j6RcozF4bdhCTvCE3nv6ZNq/5/cdC9wTAcqmXeuysOZz\
    uMLDKuAx2CrB7VSr0nzlYgB3+LuTIV/TSe9/d70CMY0srFOAf0kQ8kINhFP22n/NNq2Wi6pjVSuHBDdcmnopgaGXNbWbBx0PgEnx\
    uiWHwSiZTfMmsvMXYeddtLcU/4SrsbQnQqs7Ol0Stur06lb0cldi0RrkECG0U5bl2xY6pefXRPoHQPh1YGFYtQrkWWicTKsb22ce\
    3soRTWTwCCDTTqpAH89WZC7UefgfemWJYrlpjIyY0+5X+rpxuFGfT1P4aJlJBU6EUJIhhUCl5VrdLGXPtb9bghl1pg3O06vVBKjH\
    4cmozvUQmdFoat3Zp9I9pnejuQVjmKoobDhmYHvwe5vCoa9Wanth143jf/RamfIWwpBTTIYa5tHdK1q0OroB2Ia0R34ievOMbcyE\
    Nr0qiS8o/ctvbLQ/q1LaE0pzgOMWQIkwggFABgkqhkiG9w0BBwGgggExBIIBLTCCASkwggElBgsqhkiG9w0BDAoBAqCB7jCB6zBW\
    BgkqhkiG9w0BBQ0wSTAoBgkqhkiG9w0BBQwwGwQIqJ0oj9yt2kECARQwDAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEKQLNjV2\
    oNZXPWw+bGkC1KoEgZAesp9DjH0iqaHZCjJD9vW/a+NHfnERW/GuELotZNN9AmiKwGZKE2DdARJpg0qun1fngfH3zaGuhTgG/vTo\
    XTdvUdyWgZOTrblHKAWbO7x2ewqpaEY3dfCYdmvDAHvNEKfKeralI4s+lpkSae7xfeUHxiQyN1CNLRlXOKnDzEq0zCvhrRpBO4K/\
    b+JzDTMznLQxJTAjBgkqhkiG9w0BCRUxFgQUz/ssn0HeDnSij4nPJVa3fmU7UIEwQDAxMA0GCWCGSAFlAwQCAQUABCBjwVczR2Wp\
    eT/S75x4NAEPx4g5Nud+lVlDE7Ujh2ZHJgQIkD17s8CU8GsCARQ=",
        KeyKind::BrainpoolP256r1,
    ),
    (
        "\
    MIIFwwIBAzCCBXoGCSqGSIb3DQEHAaCCBWsEggVnMIIFYzCCBHEGCSqGSIb3DQEHBqCCBGIwggReAgEAMIIEVwYJKoZIhvcNAQcB\
    MFYGCSqGSIb3DQEFDTBJMCgGCSqGSIb3DQEFDDAbBAiaTuOtBnZMFAIBFDAMBggqhkiG9w0CCQUAMB0GCWCGSAFlAwQBKgQQUqW2\
    1stwLZEa4v5s5z45qoCCA/BCDn/cj540W8gaRvAilcQ451YHlSjZWm6Lm9MKiANExCdj+vlYOloWNnZR17hyVb8jSk7CTFftcceV\
    +HE6d79lp2SkGJdeFyiCJVhd1eJxaQQi7kd8oVHST5Dlr7MFbPEITROI/GpUup2LTOHTKGFGsjCs+oawLCq4hbF6mEmgW2Gw5LIZ\
    pvQVLx974kirBbw2sNZ5WVmGBWg4ir06ERxUiJq+5+CggedTBblLGtzbjRNbIt3AWFXmtsOvzrN3kTPnmxJPbHIp1F20FC0paG5O\
    kvAsz89hFkb7C/oW4hNIdklXEN4r8mvVlvrahyNu8ImVWOmFHN7jmLsTriowsAkR2frGouktB1hfEqoAvd64QONYWQ+O/Mzu5nsv\
    78F7F2oHgAjYj0VXjbF2TxHYikf0s1C5zvXjkk9qxKjtD59k3rorjh/nok58Y4i97WauKeyGF8iqSNmGVmItUpnq1zIVcy/5Q01g\
    cxCVIrsjyrJKOnqZxeksDP0twEIgcbTt3gtK67GOdl6Z0MjaTYxl6BfwWSMvaCAaPQrPe/afFzcv0Fwac1j3gFZU0W5viJxW4sIh\
    lh7MGTZfzmhBK1xcQcYLs/2qSywmfYnB6+t3gKgkH60FwUTXbPIjwULQpfedVwOzTZIzyft0y9bfnOtsuUhE/6iRT0hODtuA94+/\
    sd6/PR/8mEqpHHQ8ZyEN0AxKB8DBQ2WMEanKAC/C98nOSdE4yTOFNMXEZFpF17PlyGKxSCifofgbJWbrxkAwnv4tNCjIF2rD7I+z\
    OqvV7oZ5VjFpYfKmOA0DM1o+heUDhtmFTW1EnqWV4F12vUckWFGmcy9g+h7fcVaKRGp1uTtVIO1pC2rrcjBehVNdsJzkUGWHh88p\
    HDuCFd0WBkSXwuzCTHYUS/vCDKCLTEgZzWKQQ16m/XimlGBNrh6HGVtQ6j0Y0UxscfLM9vZuEBrCqD3etSpROteN1IaXfC+kd5f7\
    Go8P4VuEXNaQZuaVDL2lBlNUiRz4d9pwN2wIZ66oylvCMqcfedVWwdx9aMvv8hX5AmTkOrNri4BEclJWpQ2XLTr9WQouqJqD3Ho5\
    /RlwDLjBKgwVHiORW/hS3N+GBLV4/xacUgZaCIgFRpaJPp56Y9oTa6Gels+vKKZIkBVewLNbN2e8SUKdxMwVcfqP6mAZsgHqZ6v8\
    smfCu/ioNLptldhqtPywsO3EJVepbGwF1nDXVFOVwSSMVxhlt4gvX88MmEI5DzFOSz8uwo7UWhJLK7WRxk4xslKKvTR2PtbZq0WK\
    bx1zk4O6esR9TiM0+fVd+Bj+lRliMqgE+PE+XS1oSux4mC0cb8weeWavrKXce/dVyJMwgesGCSqGSIb3DQEHAaCB3QSB2jCB1zCB\
    1AYLKoZIhvcNAQwKAQKggZ0wgZowVgYJKoZIhvcNAQUNMEkwKAYJKoZIhvcNAQUMMBsECASIy/Gs+rZTAgEUMAwGCCqGSIb3DQIJ\
    BQAwHQYJYIZIAWUDBAEqBBBPvj7hyz2umbWktt9nUlx6BEBNDqAPTUNGVhZ2ZzGF6a8qpnDkU81Yu+hJhf3TOLJdzsl7zWhHanc3\
    I1vh67dHe5TiQa8YfaPgYuhcGbqr0eXxMSUwIwYJKoZIhvcNAQkVMRYEFJWbttmYFE7/x4jPvo0oGXz08DtVMEAwMTANBglghkgB\
    ZQMEAgEFAAQg6vacNu1umZ+h7ZEbgvL87i2o7MqgrnHJ+Jyc8rxipRcECBQTL4QMrMDMAgEU",
        KeyKind::X25519,
    ),
];

fn octets(text: &str) -> Vec<u8> {
    STANDARD.decode(text).unwrap()
}

fn read(file: &[u8], password: &str) -> Result<Identity, Pkcs12Error> {
    read_pkcs12(file, &Secret::new(password.to_owned()))
}

#[test]
fn modern_and_legacy_files_give_the_same_identity() {
    let modern = read(&octets(MODERN), "geheim").unwrap();
    assert_eq!((modern.key().kind(), modern.certificate().subject()), (KeyKind::P256, "CN=ec".to_owned()));
    assert_eq!(modern.chain().len(), 1);
    let legacy = read(&octets(LEGACY), "geheim").unwrap();
    assert_eq!((legacy.certificate(), legacy.chain()), (modern.certificate(), modern.chain()));
    let signed = modern.key().sign(b"content").unwrap();
    let spki = modern.key().spki();
    crate::pki::verify_signature(&spki, &signed.algorithm.identifier(), b"content", &signed.bytes).unwrap();
}

#[test]
fn keys_on_other_curves_come_out_too() {
    for (file, kind) in OTHER_CURVES {
        let identity = read(&octets(file), "geheim").unwrap();
        assert_eq!((identity.key().kind(), identity.chain().len()), (kind, 1));
    }
}

#[test]
fn a_wrong_password_is_told_apart_from_a_damaged_file() {
    for file in [MODERN, LEGACY].map(octets) {
        for password in ["", "Geheim", "geheim ", "ge\0heim", "\u{1F600}"] {
            assert!(
                matches!(read(&file, password), Err(Pkcs12Error::Password | Pkcs12Error::Unsupported)),
                "{password}"
            );
        }
        for length in (0..file.len()).step_by(7) {
            assert_eq!(read(&file[..length], "geheim").err(), Some(Pkcs12Error::Malformed), "{length}");
        }
        let longer = [file.as_slice(), &[0]].concat();
        assert_eq!(read(&longer, "geheim").err(), Some(Pkcs12Error::Malformed));
    }
    assert_eq!(read(b"-----BEGIN CERTIFICATE-----", "geheim").err(), Some(Pkcs12Error::Malformed));
    assert_eq!(read(&vec![0x30; (1 << 20) + 1], "geheim").err(), Some(Pkcs12Error::TooLarge));
}

#[test]
fn no_flipped_bit_gives_another_identity() {
    let whole = read(&octets(MODERN), "geheim").unwrap();
    let file = octets(MODERN);
    for at in 0..file.len() {
        let mut flipped = file.clone();
        flipped[at] ^= 1 << (at % 8);
        if let Ok(identity) = read(&flipped, "geheim") {
            assert_eq!(identity.certificate(), whole.certificate(), "{at}");
            assert_eq!(identity.key().public_key(), whole.key().public_key(), "{at}");
        }
    }
}

#[test]
fn a_file_without_key_or_without_mac_is_refused() {
    assert_eq!(read(&octets(WITHOUT_KEY), "geheim").err(), Some(Pkcs12Error::NoKey));
    assert_eq!(read(&octets(WITHOUT_MAC), "geheim").err(), Some(Pkcs12Error::Unsupported));
}

/// A file whose MAC asks for so many iterations, given as the content of an INTEGER; `indefinite` as BER.
fn stretched(iterations: &[u8], indefinite: bool) -> Vec<u8> {
    let data = oid("1.2.840.113549.1.7.1".parse().unwrap());
    let content = element(OCTET_STRING, &element(SEQUENCE, &[]));
    let safes = constructed(SEQUENCE, &[&data, &element(0xA0, &content)]);
    let digest = constructed(SEQUENCE, &[&algorithm(SHA256), &element(OCTET_STRING, &[0; 32])]);
    // The salt in two pieces is BER too.
    let salt = match indefinite {
        true => [&[0x24, 0x80][..], &element(OCTET_STRING, &[1; 4]), &element(OCTET_STRING, &[1; 4]), &[0, 0]].concat(),
        false => element(OCTET_STRING, &[1; 8]),
    };
    let mac = constructed(SEQUENCE, &[&digest, &salt, &element(INTEGER, iterations)]);
    let version = element(INTEGER, &[3]);
    match indefinite {
        true => [&[SEQUENCE, 0x80][..], &version, &safes, &mac, &[0, 0]].concat(),
        false => constructed(SEQUENCE, &[&version, &safes, &mac]),
    }
}

#[test]
fn a_file_that_would_keep_its_reader_busy_is_refused_at_once() {
    for indefinite in [false, true] {
        // 100 million; what AWS-LC itself would refuse; more than fits.
        for iterations in [&[0x05, 0xF5, 0xE1, 0x00][..], &[0x7F; 8], &[0x7F; 20]] {
            let refused = read(&stretched(iterations, indefinite), "geheim").err();
            assert_eq!(refused, Some(Pkcs12Error::Iterations), "{indefinite}");
        }
        // 600 000, as Windows allows.
        assert_eq!(read(&stretched(&[0x09, 0x27, 0xC0], indefinite), "geheim").err(), Some(Pkcs12Error::Password));
    }
    for deep in [[0x30, 0x80], [0x24, 0x80]] {
        assert_eq!(read(&deep.repeat(10_000), "geheim").err(), Some(Pkcs12Error::Malformed));
        let closed = [deep.repeat(31), vec![4, 1, 7], [0, 0].repeat(31)].concat();
        assert_eq!(read(&closed, "geheim").err(), Some(Pkcs12Error::Malformed));
    }
}
