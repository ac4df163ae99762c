// CMS by Bouncy Castle, for tests/interop/bouncycastle.rs:
//   decrypt CERTIFICATE KEY IN OUT    encrypt CERTIFICATE GCM|CBC IN OUT
//   verify CERTIFICATE IN OUT         sign CERTIFICATE KEY ALGORITHM IN OUT
//   compress IN OUT
// CMS is DER or BER, certificates and keys are PEM.

import java.io.FileReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.Security;
import java.security.spec.ECGenParameterSpec;
import java.util.Collections;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.cms.CMSObjectIdentifiers;
import org.bouncycastle.asn1.cms.ContentInfo;
import org.bouncycastle.asn1.pkcs.PrivateKeyInfo;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cms.CMSAlgorithm;
import org.bouncycastle.cms.CMSAuthEnvelopedData;
import org.bouncycastle.cms.CMSAuthEnvelopedDataGenerator;
import org.bouncycastle.cms.CMSCompressedDataGenerator;
import org.bouncycastle.cms.CMSEnvelopedData;
import org.bouncycastle.cms.CMSEnvelopedDataGenerator;
import org.bouncycastle.cms.CMSProcessableByteArray;
import org.bouncycastle.cms.CMSSignedData;
import org.bouncycastle.cms.CMSSignedDataGenerator;
import org.bouncycastle.cms.KeyTransRecipientInformation;
import org.bouncycastle.cms.RecipientInfoGenerator;
import org.bouncycastle.cms.RecipientInformation;
import org.bouncycastle.cms.RecipientInformationStore;
import org.bouncycastle.cms.SignerInformation;
import org.bouncycastle.cms.jcajce.JcaSignerInfoGeneratorBuilder;
import org.bouncycastle.cms.jcajce.JcaSimpleSignerInfoVerifierBuilder;
import org.bouncycastle.cms.jcajce.JceCMSContentEncryptorBuilder;
import org.bouncycastle.cms.jcajce.JceKeyAgreeEnvelopedRecipient;
import org.bouncycastle.cms.jcajce.JceKeyAgreeRecipientInfoGenerator;
import org.bouncycastle.cms.jcajce.JceKeyTransEnvelopedRecipient;
import org.bouncycastle.cms.jcajce.JceKeyTransRecipientInfoGenerator;
import org.bouncycastle.cms.jcajce.ZlibCompressor;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.openssl.PEMParser;
import org.bouncycastle.openssl.jcajce.JcaPEMKeyConverter;
import org.bouncycastle.operator.OutputAEADEncryptor;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.operator.jcajce.JcaDigestCalculatorProviderBuilder;
import org.bouncycastle.util.CollectionStore;

class BouncyCastle {
    public static void main(String[] words) throws Exception {
        Security.addProvider(new BouncyCastleProvider());
        byte[] in = Files.readAllBytes(Path.of(words[words.length - 2]));
        byte[] out = switch (words[0]) {
            case "decrypt" -> decrypt(key(words[2]), in);
            case "encrypt" -> encrypt(certificate(words[1]), words[2].equals("GCM"), in);
            case "verify" -> verify(certificate(words[1]), in);
            case "compress" -> compress(in);
            default -> sign(certificate(words[1]), key(words[2]), words[3], in);
        };
        Files.write(Path.of(words[words.length - 1]), out);
    }

    static byte[] decrypt(PrivateKey key, byte[] in) throws Exception {
        boolean authenticated = ContentInfo.getInstance(in).getContentType().equals(CMSObjectIdentifiers.authEnvelopedData);
        RecipientInformationStore recipients = authenticated
            ? new CMSAuthEnvelopedData(in).getRecipientInfos()
            : new CMSEnvelopedData(in).getRecipientInfos();
        RecipientInformation recipient = recipients.getRecipients().iterator().next();
        return recipient instanceof KeyTransRecipientInformation
            ? recipient.getContent(new JceKeyTransEnvelopedRecipient(key).setProvider("BC"))
            : recipient.getContent(new JceKeyAgreeEnvelopedRecipient(key).setProvider("BC"));
    }

    static byte[] encrypt(X509CertificateHolder to, boolean authenticated, byte[] in) throws Exception {
        var content = new CMSProcessableByteArray(in);
        if (authenticated) {
            var generator = new CMSAuthEnvelopedDataGenerator();
            generator.addRecipientInfoGenerator(recipient(to));
            var builder = new JceCMSContentEncryptorBuilder(CMSAlgorithm.AES256_GCM).setProvider("BC");
            return generator.generate(content, (OutputAEADEncryptor) builder.build()).getEncoded();
        }
        var generator = new CMSEnvelopedDataGenerator();
        generator.addRecipientInfoGenerator(recipient(to));
        return generator.generate(content, new JceCMSContentEncryptorBuilder(CMSAlgorithm.AES256_CBC).setProvider("BC").build())
            .getEncoded();
    }

    static RecipientInfoGenerator recipient(X509CertificateHolder to) throws Exception {
        var certificate = new JcaX509CertificateConverter().setProvider("BC").getCertificate(to);
        if (certificate.getPublicKey().getAlgorithm().equals("RSA")) {
            return new JceKeyTransRecipientInfoGenerator(certificate).setProvider("BC");
        }
        var curve = ASN1ObjectIdentifier.getInstance(to.getSubjectPublicKeyInfo().getAlgorithm().getParameters());
        KeyPairGenerator pairs = KeyPairGenerator.getInstance("EC", "BC");
        pairs.initialize(new ECGenParameterSpec(curve.getId()));
        KeyPair own = pairs.generateKeyPair();
        return new JceKeyAgreeRecipientInfoGenerator(
            CMSAlgorithm.ECDH_SHA256KDF, own.getPrivate(), own.getPublic(), CMSAlgorithm.AES256_WRAP)
            .addRecipient(certificate).setProvider("BC");
    }

    static byte[] verify(X509CertificateHolder by, byte[] in) throws Exception {
        var signed = new CMSSignedData(in);
        var verifier = new JcaSimpleSignerInfoVerifierBuilder().setProvider("BC").build(by);
        for (SignerInformation signer : signed.getSignerInfos().getSigners()) {
            if (!signer.verify(verifier)) {
                throw new IllegalStateException("the signature does not verify");
            }
        }
        return (byte[]) signed.getSignedContent().getContent();
    }

    static byte[] sign(X509CertificateHolder by, PrivateKey key, String algorithm, byte[] in) throws Exception {
        var digests = new JcaDigestCalculatorProviderBuilder().setProvider("BC").build();
        var signer = new JcaContentSignerBuilder(algorithm).setProvider("BC").build(key);
        var generator = new CMSSignedDataGenerator();
        generator.addSignerInfoGenerator(new JcaSignerInfoGeneratorBuilder(digests).build(signer, by));
        generator.addCertificates(new CollectionStore<>(Collections.singletonList(by)));
        return generator.generate(new CMSProcessableByteArray(in), true).getEncoded();
    }

    static byte[] compress(byte[] in) throws Exception {
        return new CMSCompressedDataGenerator().generate(new CMSProcessableByteArray(in), new ZlibCompressor()).getEncoded();
    }

    static X509CertificateHolder certificate(String path) throws Exception {
        return (X509CertificateHolder) new PEMParser(new FileReader(path)).readObject();
    }

    static PrivateKey key(String path) throws Exception {
        var read = (PrivateKeyInfo) new PEMParser(new FileReader(path)).readObject();
        return new JcaPEMKeyConverter().setProvider("BC").getPrivateKey(read);
    }
}
