//! The JSON Schema of every answer, made from the types that are written.

use schemars::{Schema, schema_for};
use serde_json::Value;

use super::audit::VerifyLine;
use super::batch::FindingLine;
use super::config::{PathLine, SettingLine};
use super::demo::StepLine;
use super::diagnosis::ErrorLine;
use super::discovered::DiscoveryLine;
use super::init::InitLine;
use super::output::WarningLine;
use super::sandbox::{FaultLine, SandboxLine};
use crate::commands::{alert, audit, batch, extract, fetch, lookup, outbox, purge_check, send, signin};
use crate::vault;

/// Makes one schema.
type Maker = fn() -> Schema;

/// The name of each answer and its schema.
const SCHEMAS: [(&str, Maker); 23] = [
    ("mss.alert/1", || schema_for!(alert::Line<'_>)),
    ("mss.audit-log/1", || schema_for!(audit::Line)),
    ("mss.audit-verify/1", || schema_for!(VerifyLine)),
    ("mss.batch/1", || schema_for!(batch::RowLine)),
    ("mss.config-path/1", || schema_for!(PathLine)),
    ("mss.config/1", || schema_for!(SettingLine)),
    ("mss.demo/1", || schema_for!(StepLine)),
    ("mss.discovery/1", || schema_for!(DiscoveryLine)),
    ("mss.error/1", || schema_for!(ErrorLine)),
    ("mss.fetch/1", || schema_for!(fetch::Line)),
    ("mss.finding/1", || schema_for!(FindingLine)),
    ("mss.init/1", || schema_for!(InitLine)),
    ("mss.lookup-update/1", || schema_for!(extract::Line)),
    ("mss.lookup/1", || schema_for!(lookup::Line)),
    ("mss.outbox-event/1", || schema_for!(outbox::EventLine)),
    ("mss.outbox-purge/1", || schema_for!(outbox::Purged)),
    ("mss.outbox/1", || schema_for!(outbox::Line)),
    ("mss.purge-check/1", || schema_for!(purge_check::Line)),
    ("mss.sandbox-fault/1", || schema_for!(FaultLine)),
    ("mss.sandbox/1", || schema_for!(SandboxLine<'_>)),
    ("mss.send/1", || schema_for!(send::Line)),
    ("mss.signin/1", || schema_for!(signin::Line)),
    ("mss.warning/1", || schema_for!(WarningLine)),
];

/// Every name there is a schema for; `config` is the configuration itself.
pub(super) fn names() -> Vec<&'static str> {
    std::iter::once("config").chain(SCHEMAS.iter().map(|(name, _)| *name)).collect()
}

/// The schema of that name.
pub(super) fn of(name: &str) -> Option<Value> {
    if name == "config" {
        return Some(vault::schema());
    }
    let (_, schema) = SCHEMAS.iter().find(|(known, _)| *known == name)?;
    Some(schema().to_value())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_has_a_schema_that_names_its_fields() {
        for name in names() {
            let schema = of(name).unwrap();
            assert!(schema["properties"].as_object().is_some_and(|fields| !fields.is_empty()), "{name}");
        }
        assert!(of("mss.nothing/1").is_none());
    }
}
