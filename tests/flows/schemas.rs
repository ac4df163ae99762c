//! Every JSON answer has the shape that `mss config schema` gives it.

use serde_json::Value;

use crate::bench::operator::Operator;
use crate::bench::shape::misfits;
use crate::bench::{Bench, Outcome};

/// Checks every line against the schema it names, and gives the names.
#[track_caller]
fn check(bench: &Bench, lines: &[Value]) -> Vec<String> {
    assert!(!lines.is_empty());
    let name = |line: &Value| line["schema"].as_str().expect("every answer names its schema").to_owned();
    for line in lines {
        let schema = bench.shell(&format!("mss config schema {}", name(line))).status(0).json();
        assert_eq!(misfits(&schema, line), Vec::<String>::new(), "{line}");
        // What is written is described.
        let described = schema["properties"].as_object().expect("an answer is an object");
        let mut fields = line.as_object().expect("an answer is an object").keys();
        assert!(fields.all(|field| described.contains_key(field)), "{line}");
    }
    lines.iter().map(name).collect()
}

#[test]
fn every_answer_has_the_shape_of_its_schema() {
    let bench = Bench::new();
    let sandbox = |words: &[&str]| -> Outcome { bench.run(["--sandbox", "--json"].iter().chain(words)) };
    let pdf = bench.file("result.pdf", b"%PDF-1.7");
    bench.file("extraction.txt", include_bytes!("../vectors/extraction.txt"));
    let send = |to: &'static str| ["send", "--to", to, "--subject", "x", "--attach", &pdf].map(str::to_owned);
    let durand = send("dr.durand@medecin.sandbox");
    let durand: Vec<&str> = durand.iter().map(String::as_str).collect();
    let operator = Operator::start(&bench, &[]);
    let init = operator.init_words(&bench, "laboratoire").into_iter().chain(["--json".to_owned()]);
    let shown = bench.run(["--json", "demo"]).status(0).json_lines();
    let mut lines = vec![operator.description().clone(), bench.run(init).status(0).json()];
    let server = |name: &str| format!("{}:{}", operator.said("host"), operator.said(name));
    let (submission, mailbox) = (server("submission_starttls"), server("mailbox_starttls"));
    let given = ["--submission", &submission, "--mailbox", &mailbox, "--anchors", &operator.said("trust_file")];
    let only = ["init", "--json", "--discover-only", "laboratoire@biologie.sandbox"].iter().chain(&given);
    lines.push(bench.run(only).status(0).json());
    lines.extend(sandbox(&durand).status(0).json_lines());
    lines.extend(sandbox(&[&durand[..], &["--again", "--dry-run"]].concat()).status(0).json_lines());
    for words in [
        &["--profile", "dr.durand", "fetch"][..],
        &["lookup", "--place", "Rennes"],
        &["lookup", "--update", "extraction.txt"],
        &["lookup", "--offline", "legrand"],
        &["purge-check", "--all-profiles"],
        &["signin", "status"],
        &["audit", "log"],
        &["audit", "verify"],
        &["outbox", "list"],
        &["outbox", "show", "1"],
        &["outbox", "purge", "--dry-run"],
        &["config", "show", "--origin"],
        &["config", "path"],
    ] {
        lines.extend(sandbox(words).status(0).json_lines());
    }
    bench.file(
        "m.csv",
        format!("to,attach\ndr.durand@medecin.sandbox,{pdf}\nnobody@medecin.sandbox,{pdf}\n").as_bytes(),
    );
    lines.extend(sandbox(&["send", "--batch", "m.csv", "--partial"]).status(79).json_lines());
    lines.extend(bench.run(["--json", "sandbox", "--list-faults"]).json_lines().into_iter().take(1));
    let refused = ["--sandbox", "--fault", "rcpt=refuse:550 5.1.1 no"].iter().chain(&durand).chain(&["--again"]);
    bench.call(refused).variable("MSS_OUTBOX_ALERT_COMMAND", "cat > alert").run().status(76);
    lines.push(serde_json::from_slice(&bench.read("alert")).expect("an alert is JSON"));
    let unknown = send("nobody@medecin.sandbox");
    let unknown: Vec<&str> = unknown.iter().map(String::as_str).collect();
    lines.push(sandbox(&unknown).status(76).json_error());
    lines.push(sandbox(&["send"]).status(64).json_error());
    lines.extend(shown);
    let two = sandbox(&["send", "--to", "a@medecin.sandbox", "--to", "b@medecin.sandbox", "--attach", &pdf]);
    let told = two.status(76).stderr.lines();
    let told: Vec<Value> = told.map(|line| serde_json::from_str(line).expect("it is JSON")).collect();
    assert_eq!(told.len(), 2, "what stops the message, and what else would");
    lines.extend(told);
    lines.dedup_by(|one, other| one["schema"] == other["schema"] && one["kind"] == other["kind"]);
    let mut seen = check(&bench, &lines);
    seen.sort();
    seen.dedup();
    let known = bench.run(["config", "schema"]).status(0).text();
    let known: Vec<&str> = known.lines().filter(|name| *name != "config").collect();
    assert_eq!(seen, known, "each schema was seen");
}
