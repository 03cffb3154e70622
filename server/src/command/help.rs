//! HELP of every container of the server's own commands, made of the rows.

use crate::exec::handler::Ctx;
use crate::request::table::table;
use curfew_protocol::{Args, Error, help};

/// `CLIENT HELP` and its kin. All rows are looked at: MEMORY's are in two crates.
pub fn help(ctx: &mut Ctx<'_>, args: Args<'_>) -> Result<(), Error> {
    help::of_container(args.at(0), table().all.iter().map(|command| command.spec), ctx.out);
    Ok(())
}
