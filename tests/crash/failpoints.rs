//! The server aborts before and after each effect of every operation: whoever starts next carries the work on to its end.

mod ways;

use domain::OperationKind;
use std::collections::BTreeSet;
use ways::{create, delete, discard, dry_run, from_stock, migrate, prove, reset, seed, seeded, undo};

/// The places that a test of a name like this crashes at: a step that an earlier operation has too is reached there first.
macro_rules! crashes {
    ($($name:ident: $kind:ident at $place:literal;)*) => {
        $(
            #[tokio::test]
            async fn $name() {
                $kind($place).await;
            }
        )*

        #[test]
        fn every_step_crashes_before_and_after_its_effect() {
            let named: BTreeSet<_> = [$((operation_of(stringify!($kind)), $place.split(':').next().unwrap().to_owned())),*].into();
            let expected: BTreeSet<_> = OperationKind::ALL.iter().flat_map(|operation| {
                operation.steps().iter().flat_map(move |step| ["before", "after"].map(|when| (operation.name(), format!("{step}.{when}"))))
            }).collect();
            assert_eq!(named, expected);
        }
    };
}

fn operation_of(way: &str) -> &'static str {
    match way {
        "create" | "seeded" | "from_stock" => OperationKind::CreateBranch,
        "delete" => OperationKind::DeleteBranch,
        "reset" => OperationKind::ResetBranch,
        "undo" => OperationKind::UndoReset,
        "discard" => OperationKind::DiscardGeneration,
        "migrate" | "dry_run" => OperationKind::MigrateBranch,
        "prove" => OperationKind::DiffBranches,
        "seed" => OperationKind::SeedBranch,
        other => panic!("{other}"),
    }
    .name()
}

crashes! {
    create_survives_a_crash_before_create_database: create at "create_database.before";
    create_survives_a_crash_after_create_database: create at "create_database.after";
    create_survives_a_crash_before_copy_definitions: create at "copy_definitions.before";
    create_survives_a_crash_after_copy_definitions: create at "copy_definitions.after";
    create_survives_a_crash_before_copy_rows: create at "copy_rows.before";
    create_survives_a_crash_after_copy_rows: create at "copy_rows.after";
    create_survives_a_crash_before_add_constraints: create at "add_constraints.before";
    create_survives_a_crash_after_add_constraints: create at "add_constraints.after";
    create_survives_a_crash_before_verify: create at "verify.before";
    create_survives_a_crash_after_verify: create at "verify.after";
    create_survives_a_crash_before_admit: create at "admit.before";
    create_survives_a_crash_after_admit: create at "admit.after";
    create_survives_a_crash_before_switch: create at "switch.before";
    create_survives_a_crash_after_switch: create at "switch.after";
    create_survives_a_crash_before_seed: seeded at "seed.before";
    create_survives_a_crash_after_seed: seeded at "seed.after";
    create_from_the_stock_survives_a_crash_before_create_database: from_stock at "create_database.before:2";
    create_from_the_stock_survives_a_crash_after_create_database: from_stock at "create_database.after:2";
    create_from_the_stock_survives_a_crash_before_switch: from_stock at "switch.before:2";
    delete_survives_a_crash_before_shut_out: delete at "shut_out.before";
    delete_survives_a_crash_after_shut_out: delete at "shut_out.after";
    delete_survives_a_crash_before_drop_database: delete at "drop_database.before";
    delete_survives_a_crash_after_drop_database: delete at "drop_database.after";
    delete_survives_a_crash_before_forget: delete at "forget.before";
    delete_survives_a_crash_after_forget: delete at "forget.after";
    reset_survives_a_crash_before_create_database: reset at "create_database.before:2";
    reset_survives_a_crash_after_create_database: reset at "create_database.after:2";
    reset_survives_a_crash_before_copy_definitions: reset at "copy_definitions.before:2";
    reset_survives_a_crash_after_copy_definitions: reset at "copy_definitions.after:2";
    reset_survives_a_crash_before_copy_rows: reset at "copy_rows.before:2";
    reset_survives_a_crash_after_copy_rows: reset at "copy_rows.after:2";
    reset_survives_a_crash_before_add_constraints: reset at "add_constraints.before:2";
    reset_survives_a_crash_after_add_constraints: reset at "add_constraints.after:2";
    reset_survives_a_crash_before_verify: reset at "verify.before:2";
    reset_survives_a_crash_after_verify: reset at "verify.after:2";
    reset_survives_a_crash_before_seed: reset at "seed.before:2";
    reset_survives_a_crash_after_seed: reset at "seed.after:2";
    reset_survives_a_crash_before_admit: reset at "admit.before:2";
    reset_survives_a_crash_after_admit: reset at "admit.after:2";
    reset_survives_a_crash_before_switch: reset at "switch.before:2";
    reset_survives_a_crash_after_switch: reset at "switch.after:2";
    undo_survives_a_crash_before_admit: undo at "admit.before:3";
    undo_survives_a_crash_after_admit: undo at "admit.after:3";
    undo_survives_a_crash_before_switch: undo at "switch.before:3";
    undo_survives_a_crash_after_switch: undo at "switch.after:3";
    discard_survives_a_crash_before_shut_out: discard at "shut_out.before";
    discard_survives_a_crash_after_shut_out: discard at "shut_out.after";
    discard_survives_a_crash_before_drop_database: discard at "drop_database.before";
    discard_survives_a_crash_after_drop_database: discard at "drop_database.after";
    migrate_survives_a_crash_before_migrate: migrate at "migrate.before";
    migrate_survives_a_crash_after_migrate: migrate at "migrate.after";
    seed_survives_a_crash_before_seed: seed at "seed.before";
    seed_survives_a_crash_after_seed: seed at "seed.after";
    dry_run_survives_a_crash_before_copy_for_trial: dry_run at "copy_for_trial.before";
    dry_run_survives_a_crash_after_copy_for_trial: dry_run at "copy_for_trial.after";
    dry_run_survives_a_crash_before_migrate: dry_run at "migrate.before";
    dry_run_survives_a_crash_after_migrate: dry_run at "migrate.after";
    dry_run_survives_a_crash_before_drop_trial: dry_run at "drop_trial.before";
    dry_run_survives_a_crash_after_drop_trial: dry_run at "drop_trial.after";
    prove_survives_a_crash_before_compare: prove at "compare.before";
    prove_survives_a_crash_after_compare: prove at "compare.after";
    prove_survives_a_crash_before_copy_for_trial: prove at "copy_for_trial.before";
    prove_survives_a_crash_after_copy_for_trial: prove at "copy_for_trial.after";
    prove_survives_a_crash_before_prove: prove at "prove.before";
    prove_survives_a_crash_after_prove: prove at "prove.after";
    prove_survives_a_crash_before_drop_trial: prove at "drop_trial.before";
    prove_survives_a_crash_after_drop_trial: prove at "drop_trial.after";
}
