//! Whether a certificate is held by one of the operators that the signed list names for a domain.

/// Whether one of these names (RFC 4514, as published) is the subject of a certificate. Order, spaces, letter case and the two
/// ways of quoting are no difference; one attribute more or less is.
pub(super) fn is_named(operators: &[String], subject: &str) -> bool {
    let subject = attributes(subject);
    !subject.is_empty() && operators.iter().any(|operator| attributes(operator) == subject)
}

/// The attributes of a name, in an order of their own.
fn attributes(name: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut current = String::new();
    let mut quoted = false;
    let mut characters = name.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => current.extend(characters.next()),
            '"' => quoted = !quoted,
            ',' | ';' | '+' if !quoted => all.push(std::mem::take(&mut current)),
            other => current.push(other),
        }
    }
    all.push(current);
    let plain = |attribute: &String| {
        let (kind, value) = attribute.split_once('=')?;
        let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
        Some(format!("{}={}", kind.trim().to_ascii_uppercase(), value.to_lowercase()))
    };
    let mut all: Vec<String> = all.iter().filter_map(plain).collect();
    all.sort();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_same_however_it_is_written() {
        let listed = [r#"CN=mss.operateur.fr, OU=3999, O="ESSAIS, ET CIE", C=FR"#.to_owned()];
        assert!(is_named(&listed, r"C=FR,O=Essais\, et  cie,OU=3999,CN=mss.operateur.fr"));
        for other in ["CN=mss.operateur.fr", r"C=FR,O=Essais\, et cie,OU=3998,CN=mss.operateur.fr", ""] {
            assert!(!is_named(&listed, other), "{other}");
        }
        assert!(!is_named(&[], "CN=a") && !is_named(&[String::new()], ""));
    }
}
