//! `mss config`: the vault opens in every promised way and in no other, and shows no secret.

use crate::bench::Bench;
use crate::bench::operator::{Operator, as_laboratory, without};

const PASSPHRASE: &[u8] = b"four words in a row\n";

/// The laboratory's profile, made against a running sandbox.
fn laboratory() -> (Bench, Operator) {
    let bench = Bench::new();
    let operator = Operator::start(&bench, &[]);
    operator.init(&bench, "laboratoire");
    (bench, operator)
}

/// The octets of the vault.
fn vault(bench: &Bench) -> Vec<u8> {
    bench.read("../.config/mss/config.p7m")
}

#[test]
fn a_profile_of_its_own_looks_up_sends_and_fetches() {
    let (bench, operator) = laboratory();
    let opening = ["--service-key", "laboratoire.service"].map(str::to_owned);
    bench.run(without(&operator.init_words(&bench, "dr.durand"), "--service-key-out").iter().chain(&opening)).status(0);
    let pdf = bench.file("result.pdf", b"%PDF-1.7 result");
    as_laboratory(&bench, ["lookup", "durand"]).run().status(0).stdout_has("dr.durand@medecin.sandbox");
    let send = ["send", "--to", "dr.durand@medecin.sandbox", "--subject", "Result", "--attach", &pdf];
    as_laboratory(&bench, send).run().status(0).stdout_has("accepted dr.durand@medecin.sandbox");
    let fetched = as_laboratory(&bench, ["--profile", "dr.durand", "fetch", "--json"]).run();
    let place = fetched.status(0).json()["place"].as_str().expect("a message has its place").to_owned();
    assert_eq!(bench.read(&format!("{place}/result.pdf")), b"%PDF-1.7 result");
    as_laboratory(&bench, ["audit", "verify"]).run().status(0).stdout_has("sound");
    // A variable speaks louder than the profile, for this run only.
    let elsewhere = as_laboratory(&bench, send).variable("MSS_SUBMISSION_PORT", "1").run();
    elsewhere.status(0).stdout_has("nothing was sent twice");
    let again = send.iter().copied().chain(["--again"]);
    let elsewhere = as_laboratory(&bench, again).variable("MSS_SUBMISSION_PORT", "1").run();
    elsewhere.status(75).stderr_has("127.0.0.1:1 cannot be reached").stderr_has("the message stays queued");
    as_laboratory(&bench, ["outbox", "run"]).run().status(0).stdout_has("accepted");
}

#[test]
fn every_way_opens_the_vault() {
    let bench = Bench::new();
    let operator = Operator::start(&bench, &[]);
    let words = operator.init_words(&bench, "laboratoire");
    let short = bench.file("short", b"short\n");
    let with_passphrase =
        |file: &str| words.clone().into_iter().chain(["--new-passphrase-file".to_owned(), file.to_owned()]);
    bench.run(with_passphrase(&short)).status(64).stderr_has("shorter than 12 characters");
    let passphrase = bench.file("passphrase", PASSPHRASE);
    bench.run(with_passphrase(&passphrase)).status(0);

    let get = ["config", "get", "address"];
    let address = "laboratoire@biologie.sandbox\n";
    let opened_by = |option: &[&str]| bench.run(get.iter().chain(option));
    opened_by(&["--service-key", "laboratoire.service"]).status(0).stdout_is(address);
    opened_by(&["--passphrase-file", "passphrase"]).status(0).stdout_is(address);
    opened_by(&["--passphrase-command", "cat passphrase"]).status(0).stdout_is(address);
    bench.shell("mss config get address --passphrase-fd 7 7<passphrase").status(0).stdout_is(address);
    for (variable, value) in [
        ("MSS_SERVICE_KEY_FILE", "laboratoire.service"),
        ("MSS_PASSPHRASE_FILE", "passphrase"),
        ("MSS_PASSPHRASE_COMMAND", "cat passphrase"),
    ] {
        bench.call(get).variable(variable, value).run().status(0).stdout_is(address);
    }
    bench.file("credentials/mss.passphrase", PASSPHRASE);
    let credentials = bench.path("credentials").display().to_string();
    bench.call(get).variable("CREDENTIALS_DIRECTORY", &credentials).run().status(0).stdout_is(address);
    bench.shell("mv credentials/mss.passphrase x && cp laboratoire.service credentials/mss.service-key").status(0);
    bench.call(get).variable("CREDENTIALS_DIRECTORY", &credentials).run().status(0).stdout_is(address);
    // The mask of an access list stands where the mode of the group does.
    bench.shell("chmod 0440 credentials/mss.service-key").status(0);
    bench.call(get).variable("CREDENTIALS_DIRECTORY", &credentials).run().status(0).stdout_is(address);
    bench.shell("chmod 0444 credentials/mss.service-key").status(0);
    bench.call(get).variable("CREDENTIALS_DIRECTORY", &credentials).run().status(78).stderr_has("chmod 400");

    let wrong = bench.file("wrong", b"other words in a row\n");
    opened_by(&["--passphrase-file", &wrong]).status(77).stderr_has("does not open the vault").stderr_has("hint: ");
    let other = bench.file("other.service", "00".repeat(32).as_bytes());
    opened_by(&["--service-key", &other]).status(77).stderr_has("hint: ");
    opened_by(&["--service-key", &wrong]).status(78).stderr_has("not a service key").stderr_has("rekey");
    opened_by(&["--service-key", "nowhere"]).status(66).stderr_has("cannot read nowhere");
    opened_by(&["--passphrase-command", "exit 3"]).status(66).stderr_has("exit status: 3");
    opened_by(&[]).status(64).stderr_has("give --passphrase-file FILE or --service-key FILE");
}

#[test]
fn a_vault_that_others_may_read_is_refused_with_the_command_that_mends_it() {
    let (bench, _operator) = laboratory();
    let get = || as_laboratory(&bench, ["config", "get", "address"]).run();
    for (path, wide) in [
        ("../.config/mss/config.p7m", "644"),
        ("../.config/mss/config.p7m", "620"),
        ("../.config/mss", "755"),
        ("laboratoire.service", "640"),
    ] {
        bench.shell(&format!("chmod {wide} {path}")).status(0);
        let refused = get();
        refused.status(78).stdout_is("").stderr_has("may be read or changed by others");
        let hint = refused.stderr.lines().find_map(|line| line.strip_prefix("hint: ")).expect("there is a hint");
        assert!(hint.starts_with("chmod "), "{hint}");
        bench.shell(hint).status(0);
        get().status(0);
    }
}

#[test]
fn a_damaged_vault_and_a_missing_one_are_told_apart() {
    let (bench, _operator) = laboratory();
    let whole = vault(&bench);
    let get = || as_laboratory(&bench, ["config", "get", "address"]).run();
    let mut flipped = whole.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    for damaged in [flipped, whole[..whole.len() - 9].to_vec(), b"not a vault".to_vec(), Vec::new()] {
        bench.file("../.config/mss/config.p7m", &damaged);
        get().status(78).stdout_is("").stderr_has("the vault is damaged").stderr_has("hint: ").stderr_has("backup");
    }
    bench.shell("rm ../.config/mss/config.p7m").status(0);
    let missing = get();
    missing.status(78).stderr_has("there is no vault at ").stderr_has("mss init");
    let error = as_laboratory(&bench, ["--json", "fetch"]).run().status(78).json_error();
    assert_eq!((error["code"].as_str(), error["status"].as_u64()), (Some("no-vault"), Some(78)));
}

#[test]
fn settings_are_told_with_their_origin_and_secrets_never() {
    let (bench, operator) = laboratory();
    let mss = |words: &[&str]| as_laboratory(&bench, words).run();
    let shown = mss(&["config", "show", "--origin"]);
    shown.status(0).stdout_has("profile  mailbox.host = 127.0.0.1\n").stdout_has("profile  fetch.after = seen\n");
    shown.stdout_has("absent   label = -\n").stdout_has("profile  signin.password = [secret]\n");
    // The words of an editor are words of a shell, as git and crontab take them.
    let forget = as_laboratory(&bench, ["config", "edit"]).variable("EDITOR", "sed -i '/^after = /d'").run();
    forget.status(0);
    mss(&["config", "show", "--origin"]).stdout_has("default  fetch.after = seen\n");
    let overridden =
        as_laboratory(&bench, ["config", "show", "--origin"]).variable("MSS_SUBMISSION_HOST", "smtp.example").run();
    overridden.stdout_has("variable submission.host = smtp.example\n").stdout_has("profile  submission.port");
    let get = as_laboratory(&bench, ["--json", "config", "get", "submission.host"])
        .variable("MSS_SUBMISSION_HOST", "smtp.example");
    let line = get.run().json();
    assert_eq!((line["value"].as_str(), line["origin"].as_str()), (Some("smtp.example"), Some("variable")));
    let ignored = as_laboratory(&bench, ["config", "show", "--origin"]).variable("MSS_SIGNIN_PASSWORD", "other").run();
    ignored.stdout_has("profile  signin.password = [secret]\n");

    let key = std::fs::read_to_string(operator.person("laboratoire", "key_file")).expect("the key is a text file");
    let secrets = [
        operator.person("laboratoire", "password"),
        operator.person("laboratoire", "totp_seed"),
        operator.said("api_key"),
        key.lines().nth(1).expect("PEM has lines").to_owned(),
    ];
    let keys = [
        "signin.password",
        "signin.totp-seed",
        "directory.api-key",
        "keys.key",
        "storage.key",
        "storage.trace-signing-key",
    ];
    for key in keys {
        mss(&["config", "get", key]).status(0).stdout_is("[secret]\n");
    }
    for words in [&["config", "show"][..], &["--json", "config", "show", "--origin"], &["-vv", "lookup", "durand"]] {
        let outcome = mss(words);
        for secret in &secrets {
            outcome.status(0).stdout_lacks(secret).stderr_lacks(secret);
        }
    }
    for secret in &secrets {
        assert!(!String::from_utf8_lossy(&vault(&bench)).contains(secret));
    }
    let path = bench.home().join(".config/mss/config.p7m").display().to_string();
    bench.run(["config", "path"]).status(0).stdout_is(&format!("{path}\n"));
}

#[test]
fn a_setting_is_changed_and_a_mistake_changes_nothing() {
    let (bench, _operator) = laboratory();
    let mss = |words: &[&str]| as_laboratory(&bench, words).run();
    mss(&["config", "set", "mailbox.folder", "INBOX/Results"]).status(0).stdout_is("").stderr_is("");
    mss(&["config", "get", "mailbox.folder"]).status(0).stdout_is("INBOX/Results\n");
    mss(&["config", "get", "label"]).status(1).stdout_is("").stderr_has("label is not set");
    let kept = vault(&bench);
    mss(&["config", "set", "submission.prt", "1"])
        .status(64)
        .stderr_has("did you mean profile.laboratoire.submission.port?");
    mss(&["config", "get", "mailbox.foldr"]).status(64).stderr_has("did you mean profile.laboratoire.mailbox.folder?");
    mss(&["config", "set", "submission.port", "70000"]).status(64).stderr_has("a whole number from 1 to 65535");
    let refused = mss(&["config", "set", "signin.password", "hunter2 hunter2"]);
    refused.status(64).stderr_has("is a secret").stderr_has("--from-file").stderr_lacks("hunter2");
    mss(&["config", "set", "signin.password"]).status(64).stderr_has("give --from-file FILE");
    assert_eq!(vault(&bench), kept, "nothing was written");

    let password = bench.file("new-password", b"hunter2 hunter2\n");
    mss(&["config", "set", "signin.password", "--from-file", &password]).status(0);
    mss(&["fetch"]).status(77).stderr_has("hint: ");
    as_laboratory(&bench, ["config", "set", "label", "--from-file", "-"]).stdin("Laboratoire\n").run().status(0);
    mss(&["config", "get", "label"]).stdout_is("Laboratoire\n");
}

#[test]
fn an_editor_changes_settings_and_its_mistakes_change_nothing() {
    let (bench, _operator) = laboratory();
    let edit = |script: &str| {
        bench.file("editor", format!("#!/bin/sh\n{script}\n").as_bytes());
        bench.shell("chmod 700 editor").status(0);
        as_laboratory(&bench, ["config", "edit"]).variable("EDITOR", "./editor").run()
    };
    let kept = vault(&bench);
    edit("sed -i 's/^folder = .*/foldr = \"X\"/' \"$1\"")
        .status(78)
        .stderr_has("there is no setting profile.laboratoire.mailbox.foldr")
        .stderr_has("nothing was changed")
        .stderr_has("did you mean profile.laboratoire.mailbox.folder?");
    edit("exit 3").status(78).stderr_has("exit status: 3").stderr_has("nothing was changed");
    assert_eq!(vault(&bench), kept);
    edit("stat -c %a \"$1\" > mode; echo \"$1\" > name; sed -i 's/^folder = .*/folder = \"X\"/' \"$1\"").status(0);
    as_laboratory(&bench, ["config", "get", "mailbox.folder"]).run().stdout_is("X\n");
    assert_eq!(bench.read("mode"), b"600\n");
    bench.shell("test ! -e \"$(cat name)\"").status(0);
}

#[test]
fn after_a_rekey_the_old_ways_are_gone() {
    let (bench, _operator) = laboratory();
    bench.file("passphrase", PASSPHRASE);
    as_laboratory(&bench, ["config", "rekey"]).run().status(64);
    let exists = as_laboratory(&bench, ["config", "rekey", "--service-key-out", "laboratoire.service"]).run();
    exists.status(73).stderr_has("is there already");
    let rekey = ["config", "rekey", "--service-key-out", "new.service", "--new-passphrase-file", "passphrase"];
    as_laboratory(&bench, rekey).run().status(0);
    as_laboratory(&bench, ["config", "get", "address"]).run().status(77).stderr_has("rekey");
    for way in [["--service-key", "new.service"], ["--passphrase-file", "passphrase"]] {
        bench.run(["config", "get", "address"].iter().chain(&way)).status(0);
    }
}

#[test]
fn a_new_certificate_still_opens_what_came_for_the_old_one() {
    let (bench, operator) = laboratory();
    let pdf = bench.file("result.pdf", b"%PDF-1.7 early");
    as_laboratory(&bench, ["send", "--to", "laboratoire@biologie.sandbox", "--subject", "x", "--attach", &pdf])
        .run()
        .status(0);
    let file = |person: &str, name: &str| operator.person(person, name);
    let install = |certificate: &str, key: &str| {
        as_laboratory(&bench, ["config", "certificate", "--certificate", certificate, "--key", key]).run()
    };
    let kept = vault(&bench);
    install(&file("dr.durand", "certificate_file"), &file("laboratoire", "key_file")).status(65);
    assert_eq!(vault(&bench), kept);
    install(&file("dr.durand", "certificate_file"), &file("dr.durand", "key_file")).status(0);
    let fetched = as_laboratory(&bench, ["fetch", "--json"]).run().status(0).json();
    assert_eq!(fetched["encryption"], "AES-256-GCM");
}
