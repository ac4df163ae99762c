//! Whom the rows are for: each address is judged once, not once a row.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::sync::Arc;

use crate::commands::account::Account;
use crate::commands::addressee::{self, Addressee};
use crate::commands::error::Error;
use crate::commands::gate::Gate;
use crate::manifest::Row;
use crate::sealed::Protection;
use crate::space::Role;

/// Most people that are kept in mind, with their certificates; with more, they are judged again.
const KEPT: usize = 2048;

/// Those who were judged in this run.
pub(super) struct People<'a> {
    account: &'a Account<'a>,
    gate: OnceCell<Gate<'a>>,
    judged: HashMap<(String, Protection), Result<Addressee, Arc<Error>>>,
}

/// Somebody who cannot be served: the column they stand in, and why.
pub(super) type Refused = (&'static str, Arc<Error>);

impl<'a> People<'a> {
    pub(super) fn new(account: &'a Account<'a>) -> People<'a> {
        People { account, gate: OnceCell::new(), judged: HashMap::new() }
    }

    /// The addressees of a row, each once, or everybody in it who cannot be served.
    pub(super) fn of(
        &mut self,
        row: &Row,
        protection: Protection,
    ) -> Result<Result<Vec<Addressee>, Vec<Refused>>, Error> {
        let columns = [("to", Role::To, &row.to), ("cc", Role::Cc, &row.cc), ("bcc", Role::Bcc, &row.bcc)];
        let (mut addressees, mut refused): (Vec<Addressee>, Vec<Refused>) = (Vec::new(), Vec::new());
        for (column, role, given) in
            columns.iter().flat_map(|(column, role, all)| all.iter().map(move |one| (*column, *role, one)))
        {
            match self.judge(given, protection)? {
                Ok(one) if addressees.iter().any(|other| other.address() == one.address()) => {}
                Ok(one) => addressees.push(one.in_role(role)),
                Err(error) => refused.push((column, error)),
            }
        }
        Ok(if refused.is_empty() { Ok(addressees) } else { Err(refused) })
    }

    fn judge(&mut self, given: &str, protection: Protection) -> Result<Result<Addressee, Arc<Error>>, Error> {
        let name = (given.to_owned(), protection);
        if let Some(judged) = self.judged.get(&name) {
            return Ok(judged.clone());
        }
        let (account, opened) = (self.account, &self.gate);
        let gate = || match opened.get() {
            Some(gate) => Ok(gate),
            None => Gate::open(account).map(|gate| opened.get_or_init(|| gate)),
        };
        let judged = match addressee::judge(gate, given, Role::To, protection) {
            Ok(one) => Ok(one),
            Err(error) if error.is_about_a_recipient() => Err(Arc::new(error)),
            Err(error) => return Err(error),
        };
        if self.judged.len() == KEPT {
            self.judged.clear();
        }
        self.judged.insert(name, judged.clone());
        Ok(judged)
    }
}
