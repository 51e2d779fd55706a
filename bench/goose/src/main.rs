//! One GET after the other.

use goose::prelude::*;

async fn hello(user: &mut GooseUser) -> TransactionResult {
    user.get("/hello").await?;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), GooseError> {
    GooseAttack::initialize()?
        .register_scenario(scenario!("Hello").register_transaction(transaction!(hello)))
        .execute()
        .await?;
    Ok(())
}
