//! `mss purge-check`: what our own trace says of the mailbox, without contacting anybody.

use crate::bench::{Bench, Outcome};

/// A doctor signed in on this day, to an empty mailbox.
fn signed_in() -> Bench {
    let bench = Bench::new().sandbox().word("--profile").word("dr.durand");
    let fetch = bench.call(["fetch"]).variable("MSS_CLOCK", "2026-01-05T08:00:00Z").run();
    fetch.status(0).stderr_has("no new message");
    // Lists carry the time of this machine, not of the test.
    bench.shell("rm -rf ../.cache").status(0);
    bench
}

fn at(bench: &Bench, moment: &str, words: &[&str]) -> Outcome {
    bench.call(words).variable("MSS_CLOCK", moment).run()
}

#[test]
fn the_state_follows_the_months_since_the_last_sign_in() {
    let bench = signed_in();
    for (moment, state, status) in [
        ("2026-01-05T09:00:00Z", "ok", 0),
        ("2026-09-05T08:00:00Z", "ok", 0),
        ("2026-11-05T08:00:00Z", "warn", 0),
        ("2026-12-20T08:00:00Z", "urgent", 1),
        ("2027-01-05T08:00:00Z", "overdue", 1),
    ] {
        let lines = at(&bench, moment, &["--json", "purge-check"]).status(status).json_lines();
        let mailbox = lines.iter().find(|line| line["kind"] == "mailbox").expect("the mailbox is judged");
        assert_eq!(mailbox["state"], state, "{moment}");
        assert_eq!(mailbox["erase_on"], "2027-01-05");
        let text = at(&bench, moment, &["purge-check"]);
        text.status(status).stdout_has(state).stdout_has("2026-01-05").stdout_has("2027-01-05");
        if status == 1 {
            text.stderr_has("mss fetch");
        }
    }
}

#[test]
fn without_a_sign_in_on_record_nothing_is_known() {
    let bench = Bench::new().sandbox().clock("2026-01-05T08:00:00Z");
    bench.run(["purge-check"]).status(0).stdout_has("unknown");
    // A failed sign-in is none.
    bench.run(["fetch", "--fault", "mailbox-auth=refuse"]).status(77);
    bench.shell("rm -rf ../.cache").status(0);
    bench.run(["purge-check"]).status(0).stdout_has("unknown");
}

#[test]
fn looking_contacts_nobody_and_leaves_no_entry() {
    let bench = signed_in();
    let before = at(&bench, "2026-01-06T08:00:00Z", &["--json", "audit", "log"]).json_lines().len();
    let stages = ["connect", "starttls", "mailbox-connect", "mailbox-starttls", "directory", "list", "crl"];
    let faults: Vec<String> = stages.iter().map(|stage| format!("{stage}=refuse")).collect();
    let words: Vec<&str> = faults.iter().flat_map(|fault| ["--fault", fault.as_str()]).chain(["purge-check"]).collect();
    at(&bench, "2026-01-06T08:00:00Z", &words).status(0).stdout_has("ok");
    assert_eq!(at(&bench, "2026-01-06T08:00:00Z", &["--json", "audit", "log"]).json_lines().len(), before);
    let days = at(&bench, "2026-01-07T08:00:00Z", &["--json", "purge-check"]).json_lines();
    assert_eq!(days[0]["days_since"], 2, "looking did not count as a sign-in");
}

#[test]
fn what_is_kept_here_past_its_term_is_counted_until_it_is_gone() {
    let bench = Bench::new().sandbox();
    let pdf = bench.file("result.pdf", b"%PDF-1.7");
    let send = ["send", "--to", "dr.durand@medecin.sandbox", "--subject", "x", "--attach", &pdf];
    at(&bench, "2026-01-05T08:00:00Z", &send).status(0);
    let doctor = ["--profile", "dr.durand"];
    at(&bench, "2026-01-05T08:00:00Z", &[&doctor[..], &["fetch", "--to", "received"]].concat()).status(0);
    bench.shell("rm -rf ../.cache").status(0);
    let check = |moment: &str| at(&bench, moment, &[&doctor[..], &["purge-check"]].concat());
    check("2026-03-05T08:00:00Z").status(0).stdout_lacks("overdue");
    check("2026-04-30T08:00:00Z").status(1).stdout_has("fetched: 1 older than 90 days");
    bench.shell("rm -r received/*").status(0);
    check("2026-04-30T08:00:00Z").status(0).stdout_lacks("older");
    at(&bench, "2026-04-30T08:00:00Z", &["purge-check"]).status(1).stdout_has("outbox: 1 older than 90 days");
}
