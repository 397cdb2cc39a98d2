-- Seeds are run on branches that are there already, too.

alter table branching.operations
    drop constraint operations_kind_known,
    add constraint operations_kind_known check (
        kind in (
            'create_branch', 'delete_branch', 'reset_branch', 'undo_reset', 'discard_generation', 'migrate_branch', 'diff_branches', 'seed_branch'
        )
    );
