//! `mss sandbox`: an operator that says how to reach it, as text, JSON or variables, and misbehaves on demand.

use crate::bench::Bench;
use crate::bench::operator::Operator;

#[test]
fn text_json_and_variables_tell_the_same_operator() {
    let bench = Bench::new();
    let operator = Operator::start(&bench, &[]);
    let seed = operator.person("dr.durand", "totp_seed");
    let mut text = bench.call(["sandbox"]).start();
    text.wait_for_stderr("serving until it is stopped");
    let said = text.interrupt();
    said.signal(2);
    for part in ["submission   127.0.0.1:", "directory    https://127.0.0.1:", "trust        /", "STARTTLS", &seed] {
        said.stdout_has(part);
    }
    for address in ["laboratoire@biologie", "dr.durand@medecin", "cardiologie@hopital", "dr.garnier@hors-liste"] {
        said.stdout_has(address);
    }
    let mut env = bench.call(["sandbox", "--env"]).start();
    let lines = env.wait_for_stdout("279035121518989_TOTP_SEED");
    bench.file("env", lines.as_bytes());
    let line = ". ./env && test -s \"$MSS_SANDBOX_TRUST_FILE\" && echo $MSS_SANDBOX_DR_DURAND_TOTP_SEED";
    bench.shell(line).status(0).stdout_is(&format!("{seed}\n"));
    env.kill();
}

#[test]
fn people_keep_their_keys_and_mail_from_run_to_run_and_the_ports_may_be_chosen() {
    let bench = Bench::new();
    let first = Operator::start(&bench, &[]);
    let (key, api) = (first.person("laboratoire", "key_file"), first.said("api_key"));
    let key_before = std::fs::read(&key).expect("a key is in its file");
    let port = first.said("submission_starttls");
    drop(first);
    let second = Operator::start(&bench, &["--submission-port", &port]);
    assert_eq!((second.said("submission_starttls"), second.said("api_key")), (port, api));
    assert_eq!(std::fs::read(key).expect("a key is in its file"), key_before);
    bench.shell("find ../.state -type f ! -perm 600").status(0).stdout_is("");
    // The operator of --sandbox is the same one: what is sent there is in its mailboxes.
    let pdf = bench.file("result.pdf", b"%PDF-1.7");
    let send = ["--sandbox", "send", "--to", "dr.durand@medecin.sandbox", "--subject", "x", "--attach", &pdf];
    bench.run(send).status(0);
    second.init(&bench, "laboratoire");
    let opening = ["--service-key".to_owned(), "laboratoire.service".to_owned()];
    let words = crate::bench::operator::without(&second.init_words(&bench, "dr.durand"), "--service-key-out");
    bench.run(words.iter().chain(&opening)).status(0);
    let fetch = ["--profile", "dr.durand", "fetch", "--service-key", "laboratoire.service"];
    bench.run(fetch).status(0).stdout_has("stored").stdout_has("result.pdf");
}

#[test]
fn faults_are_listed_and_a_wrong_one_is_refused_with_the_list() {
    let bench = Bench::new();
    bench.run(["sandbox", "--list-faults"]).status(0).stdout_has("data-end\n").stdout_has("@COUNT");
    let lines = bench.run(["--json", "sandbox", "--list-faults"]).status(0).json_lines();
    assert!(lines.iter().any(|line| line["fault"] == "mailbox-auth"));
    for wrong in ["nowhere=cut", "rcpt=dance", "rcpt", "rcpt=stall:long"] {
        bench.run(["sandbox", "--fault", wrong]).status(64).stderr_has("mss sandbox --list-faults");
    }
    bench.run(["lookup", "durand", "--fault", "directory=cut"]).status(64).stderr_has("add --sandbox");
    bench.call(["--sandbox", "lookup", "x"]).variable("MSS_CLOCK", "noon").run().status(64).stderr_has("MSS_CLOCK");
}
