#!/usr/bin/env bash
# Makes fuzz/keys and fuzz/seeds anew: what the targets start from. Needs bash and openssl 3; everything is thrown away
# first. Every message, envelope and signature holds the same content, so that a target can tell whether what opened is
# what was sealed.
set -euo pipefail
cd "$(dirname "$0")"
rm -rf keys seeds
mkdir -p keys seeds/{compressed,envelope,signature,opaque,message,entity,header,certificate,revocation,private-key,responder,vault,white-list,manifest,notice,dns,document}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# An authority, two people and a stranger.
authority() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 36500 -subj "/C=FR/CN=$2" \
        -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign \
        -keyout "$work/$1.key" -out "keys/$1.pem" 2>/dev/null
}
person() {
    openssl req -new -newkey "$2" ${3:+-pkeyopt "$3"} -nodes -subj "/CN=$1" -keyout "keys/$1.key" -out "$work/$1.csr" 2>/dev/null
    cat >"$work/extensions" <<END
basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature,$4
extendedKeyUsage=emailProtection
subjectAltName=email:$1@medecin.sandbox
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
crlDistributionPoints=URI:http://crl.sandbox/root.crl
END
    openssl x509 -req -in "$work/$1.csr" -CA keys/root.pem -CAkey "$work/root.key" -set_serial "$5" -days 36500 \
        -extfile "$work/extensions" -out "keys/$1.pem" 2>/dev/null
}
authority root "AC RACINE"
person durand ec ec_paramgen_curve:P-256 keyAgreement 2
person lefevre rsa:2048 "" keyEncipherment 3
kek=0707070707070707070707070707070707070707070707070707070707070707

# Certificates, keys, lists.
for name in root durand lefevre; do
    openssl x509 -in "keys/$name.pem" -outform DER -out "seeds/certificate/$name.der"
done
cp keys/durand.key seeds/private-key/ec-pkcs8.pem
cp keys/lefevre.key seeds/private-key/rsa-pkcs8.pem
openssl pkey -in keys/durand.key -traditional -out seeds/private-key/ec-sec1.pem
openssl pkey -in keys/lefevre.key -traditional -out seeds/private-key/rsa-pkcs1.pem
openssl genpkey -algorithm ed25519 -out seeds/private-key/ed25519.pem
cat keys/durand.pem keys/root.pem keys/durand.key >seeds/private-key/bundle.pem
touch "$work/index"
printf '01' >"$work/number"
cat >"$work/ca" <<END
[ca]
default_ca = this
[this]
database = $work/index
crlnumber = $work/number
default_md = sha256
default_crl_days = 36500
END
list() {
    openssl ca -config "$work/ca" -gencrl -cert keys/root.pem -keyfile "$work/root.key" -out "$work/crl.pem" 2>/dev/null
    openssl crl -in "$work/crl.pem" -outform DER -out "seeds/revocation/$1.der"
}
list empty
openssl ca -config "$work/ca" -revoke keys/lefevre.pem -cert keys/root.pem -keyfile "$work/root.key" \
    -crl_reason keyCompromise 2>/dev/null
list revoked
cp "$work/crl.pem" seeds/revocation/revoked.pem

# Answers about both people, by somebody whom the authority did not name for it.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 36500 -subj /CN=responder \
    -addext extendedKeyUsage=OCSPSigning -keyout "$work/responder.key" -out "$work/responder.pem" 2>/dev/null
printf 'V\t491231000000Z\t\t02\tunknown\t/CN=x\nR\t491231000000Z\t200101000000Z\t03\tunknown\t/CN=x\n' >"$work/answers"
for name in durand lefevre; do
    openssl ocsp -index "$work/answers" -CA keys/root.pem -issuer keys/root.pem -cert "keys/$name.pem" -noverify -ndays 36500 \
        -rsigner "$work/responder.pem" -rkey "$work/responder.key" -respout "seeds/responder/$name.der" >/dev/null 2>&1
done

# What is signed and sealed everywhere.
printf 'Content-Type: text/plain; charset=utf-8\r\n\r\nBonjour\r\n' >keys/content
content=keys/content

# Envelopes: two kinds of certificate and a key, each cipher mode, both forms of length.
rsa="-recip keys/lefevre.pem"
oaep="$rsa -keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256"
ec="-recip keys/durand.pem -keyopt ecdh_kdf_md:sha256"
symmetric="-secretkey $kek -secretkeyid 6b"
envelope() {
    # shellcheck disable=SC2086
    openssl cms -encrypt -binary -in "$content" -outform DER -out "seeds/envelope/$1" $2
}
envelope oaep-gcm "-aes-256-gcm $oaep"
envelope oaep-gcm-stream "-stream -aes-256-gcm $oaep"
envelope pkcs1-cbc "-aes-256-cbc $rsa"
envelope ec-gcm "-aes-128-gcm $ec"
envelope ec-gcm-stream "-stream -aes-256-gcm $ec"
envelope ec-cbc "-aes-128-cbc $ec"
envelope kek-gcm "-aes-256-gcm $symmetric"
envelope kek-cbc "-stream -aes-256-cbc $symmetric"
envelope both "-aes-256-gcm $rsa $ec $symmetric"

# Signatures beside their content and around it.
signature() {
    # shellcheck disable=SC2086
    openssl cms -sign -binary -cades -md sha256 -in "$content" -outform DER -out "seeds/$1" $2
}
as_durand="-signer keys/durand.pem -inkey keys/durand.key"
as_lefevre="-signer keys/lefevre.pem -inkey keys/lefevre.key"
signature signature/ec "$as_durand -certfile keys/root.pem"
signature signature/rsa "$as_lefevre"
signature signature/pss "$as_lefevre -keyopt rsa_padding_mode:pss"
signature signature/both "$as_durand $as_lefevre"
signature signature/keyid "$as_durand -keyid"
signature opaque/ec "-nodetach $as_durand"
signature opaque/rsa "-nodetach $as_lefevre"
signature opaque/ec-stream "-stream -nodetach $as_durand"

# The content in CompressedData (RFC 3274), as one stored block of zlib: not every openssl can compress.
printf '%b' \
    '\x30\x73\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x09\xa0\x64\x30\x62\x02\x01\x00\x30\x0d\x06\x0b\x2a' \
    '\x86\x48\x86\xf7\x0d\x01\x09\x10\x03\x08\x30\x4e\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01\xa0\x41\x04\x3f' \
    '\x78\x01\x01\x34\x00\xcb\xff\x43\x6f\x6e\x74\x65\x6e\x74\x2d\x54\x79\x70\x65\x3a\x20\x74\x65\x78\x74\x2f\x70' \
    '\x6c\x61\x69\x6e\x3b\x20\x63\x68\x61\x72\x73\x65\x74\x3d\x75\x74\x66\x2d\x38\x0d\x0a\x0d\x0a\x42\x6f\x6e\x6a' \
    '\x6f\x75\x72\x0d\x0a\xee\x05\x11\x67' >seeds/compressed/stored

# Whole messages from Dr Durand to Dr Lefèvre, and to herself.
head='From: durand@medecin.sandbox\nTo: lefevre@medecin.sandbox\nSubject: Result\nDate: Mon, 1 Dec 2026 12:00:00 +0000\n'
message() {
    { printf "$head"; cat; } >"seeds/message/$1.eml"
}
sign() { openssl cms -sign $as_durand "$@"; }
seal() { openssl cms -encrypt "$@"; }
printf 'Content-Type: multipart/mixed; boundary=m; hp="cipher"\r\nSubject: Result\r\nFrom: durand@medecin.sandbox\r\nHP-Outer: Subject: [...]\r\n\r\n--m\r\nContent-Type: text/plain\r\n\r\nBonjour\r\n--m\r\nContent-Type: application/pdf; name="a.pdf"\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERg==\r\n--m--\r\n' >"$work/protected"
# shellcheck disable=SC2086
{
    sign -in "$content" | message detached
    sign -nodetach -in "$content" | message opaque
    sign -binary -in "$content" | seal -aes-256-gcm $oaep | message sealed-rsa
    sign -binary -in "$content" | seal -aes-256-gcm $ec | message sealed-ec
    sign -binary -in "$content" | seal -aes-256-cbc $rsa | message sealed-cbc
    sign -binary -in "$content" | seal -aes-256-gcm $ec | sign | message triple
    sign -binary -in "$work/protected" | seal -stream -aes-256-gcm $ec | message protected
    seal -aes-256-gcm $ec -in "$content" | message unsigned
    cat "$content" | message plain
}

# MIME without cryptography, and the fields of its header.
cp ../tests/vectors/white-list/signed.xml seeds/white-list/
cp ../tests/vectors/notices/*.eml seeds/notice/
cp "$work/protected" seeds/entity/mixed
printf 'Content-Type: multipart/alternative; boundary="=_b"\n\n--=_b\nContent-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\nr=E9sultat =\nfin\n--=_b\nContent-Type: message/rfc822\n\nSubject: x\n\ninner\n--=_b--\n' >seeds/entity/nested
printf 'Content-Transfer-Encoding: base64\n\nQm9uam91cg==\n' >seeds/entity/base64
printf 'From: =?utf-8?q?Zo=C3=A9_Durand?= <zoe@medecin.sandbox>\nTo: "A, B" <a@b.fr>, c@d.fr (comment), Group: e@f.fr;\nDate: Mon, 1 Jun 2026 14:00:00 +0200\nMessage-ID: <a.b@c.d>\nSubject: =?iso-8859-1?B?cuk=?= and\n more\nContent-Type: application/pdf; name*0*=utf-8'"''"'r%%C3%%A9; name*1=.pdf\nContent-Disposition: attachment; filename="../a.pdf"\n' >seeds/header/full
printf 'Received: from a by b; Mon, 1 Jun 2026 14:00:00 +0200\nFrom: a@b.fr\nReply-To: <c@xn--d-9ia.fr>\nIn-Reply-To: <x@y>\nContent-Transfer-Encoding: quoted-printable\n' >seeds/header/short

# Answers of a name server to number 7: a service, an alias and a service, a certificate and a text, addresses, a pointer to itself.
answer() { printf "\\x00\\x07\\x81\\x80\\x00\\x01\\x00$2\\x00\\x00\\x00\\x00\\x06_imaps\\x04_tcp\\x08biologie\\x07sandbox\\x00\\x00$3\\x00\\x01$4" >"seeds/dns/$1"; }
ours='\xc0\x0c'
answer service '\x01' '\x21' "$ours\\x00\\x21\\x00\\x01\\x00\\x00\\x00\\x3c\\x00\\x0d\\x00\\x05\\x00\\x01\\x03\\xe1\\x04imap\\xc0\\x18"
answer alias '\x02' '\x21' "$ours\\x00\\x05\\x00\\x01\\x00\\x00\\x00\\x3c\\x00\\x06\\x01b\\x02fr\\x00\\x01b\\x02fr\\x00\\x00\\x21\\x00\\x01\\x00\\x00\\x00\\x3c\\x00\\x07\\x00\\x00\\x00\\x00\\x03\\xe1\\x00"
answer certificate '\x02' '\x25' "$ours\\x00\\x25\\x00\\x01\\x00\\x00\\x00\\x3c\\x00\\x07\\x00\\x01\\x00\\x02\\x08\\x30\\x00$ours\\x00\\x10\\x00\\x01\\x00\\x00\\x00\\x3c\\x00\\x04\\x03v=1"
answer addresses '\x02' '\x01' "$ours\\x00\\x01\\x00\\x01\\x00\\x00\\x00\\x3c\\x00\\x04\\x7f\\x00\\x00\\x01$ours\\x00\\x0f\\x00\\x01\\x00\\x00\\x00\\x3c\\x00\\x04\\x00\\x0a$ours"
answer circle '\x01' '\x21' "\\xc0\\x2e\\x00\\x21\\x00\\x01\\x00\\x00\\x00\\x3c\\x00\\x07\\x00\\x00\\x00\\x00\\x03\\xe1\\x00"
printf '<?xml version="1.0"?>\n<clientConfig version="1.1"><emailProvider id="x.fr"><incomingServer type="imap"><hostname>imap.x.fr</hostname><port>143</port><socketType>STARTTLS</socketType><username>%%EMAILADDRESS%%</username></incomingServer><outgoingServer type="smtp"><hostname>a&#46;b</hostname><port>465</port><socketType>SSL</socketType></outgoingServer></emailProvider></clientConfig>\n' >seeds/document/full
printf '<!DOCTYPE x [<!ENTITY a "b">]><clientConfig>&a;</clientConfig>' >seeds/document/entity

# Manifests; the octet before them picks the name of the file: c for CSV, a for JSON Lines.
manifest() { printf "$2" >"seeds/manifest/$1"; }
manifest full 'ckey,to,cc,bcc,subject,body,body-file,attach,attach,protection\r\n1,"a@x.fr;10000000017",c@x.fr,,Bilan,"one ""two""\r\nthree",,a.pdf;b.pdf,c.pdf,smime\r\n'
manifest semicolon 'c\xef\xbb\xbfto;body;\na@x.fr;"b;c";\n;;\nb@x.fr;\xe9;\n'
manifest quotes 'cto,subject,body\ra@x.fr,"a\rb@x.fr,a"b,c\r\rc@x.fr,"a"b,\x00'
manifest lines 'a{"key":"1","to":["a@x.fr","10000000017"],"subject":"Bilan","body":"one\\ntwo","attach":["a;b.pdf"],"protection":"transport"}\n\n{"to":"a@x.fr","to":1,"x":[{}],"body-file":"t"}'
manifest types 'a{"key":1e9,"to":{"a":[]},"cc":[["a"],null,true],"subject":"\\u0000\\ud83d\\ude00"} {}\r[]\r17'

# A vault that a service key opens.
vault() {
    openssl cms -encrypt -binary -aes-256-gcm -secretkey "$kek" -secretkeyid "$(printf '%s' "$2" | od -An -tx1 | tr -d ' \n')" \
        -in "$work/settings" -outform DER -out "seeds/vault/$1"
}
printf 'version = 1\n' >"$work/settings"
vault service service-00000000
vault passphrase 'argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA'
