//! The mail around a package: a neutral subject, and how to open it, in French and in English.

use super::Format;

/// The subject of every mail that carries a package.
pub(super) const SUBJECT: &str = "Message sécurisé / Secure message";

/// The text of the mail.
pub(super) fn text(format: Format) -> String {
    let (french, english) = match format {
        Format::Page => (
            "Son texte et ses fichiers sont chiffrés dans la pièce jointe message.html.\n\n\
             1. Enregistrez message.html, puis ouvrez ce fichier dans un navigateur (Firefox, Chrome, Edge, Safari). Tout se \
             passe sur votre appareil, sans connexion.\n\
             2. Saisissez le mot de passe : cinq groupes de cinq chiffres.",
            "Its text and files are encrypted in the attachment message.html.\n\n\
             1. Save message.html, then open that file in a browser (Firefox, Chrome, Edge, Safari). Everything happens on \
             your device, without a connection.\n\
             2. Enter the password: five groups of five digits.",
        ),
        Format::Archive => (
            "Son texte et ses fichiers sont chiffrés dans la pièce jointe message.zip.\n\n\
             1. Enregistrez message.zip, puis ouvrez ce fichier avec 7-Zip ou WinRAR (Windows) ou Keka (macOS) ; \
             l'Explorateur de Windows ne sait pas le déchiffrer.\n\
             2. Ouvrez content.zip, qui s'y trouve, et saisissez le mot de passe : cinq groupes de cinq chiffres, avec les \
             tirets (00000-00000-00000-00000-00000).",
            "Its text and files are encrypted in the attachment message.zip.\n\n\
             1. Save message.zip, then open that file with 7-Zip or WinRAR (Windows) or Keka (macOS); Windows Explorer \
             cannot decrypt it.\n\
             2. Open content.zip inside it, and enter the password: five groups of five digits, with the hyphens \
             (00000-00000-00000-00000-00000).",
        ),
    };
    format!(
        "Bonjour,\n\nCe message est protégé. {french}\n\n\
         L'expéditeur vous donne le mot de passe par une autre voie, par exemple au téléphone, et jamais par courriel. En \
         cas de doute, appelez-le à un numéro que vous connaissez déjà.\n\n\
         ----\n\nHello,\n\nThis message is protected. {english}\n\n\
         The sender gives you the password by another way, such as the telephone, and never by mail. When in doubt, call \
         them at a number you already know.\n"
    )
}
