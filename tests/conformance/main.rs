//! The promises that the ports' documentation makes, held against every adapter that makes them: the fakes in memory, and PostgreSQL.

mod activity;
mod audit;
mod branches;
mod directories;
mod keys;
mod migration_history;
mod operations;
mod rate_limits;
mod sessions;
mod transactions;
mod users;
mod values;
mod worlds;

/// Every promise, against every world.
macro_rules! promises {
    ($($of:ident: $($promise:ident),+;)+) => {
        mod memory {
            $($(
                #[tokio::test]
                async fn $promise() {
                    crate::$of::$promise(&crate::worlds::memory().await).await;
                }
            )+)+
        }

        mod postgres {
            $($(
                #[tokio::test]
                async fn $promise() {
                    crate::$of::$promise(&crate::worlds::postgres().await).await;
                }
            )+)+
        }
    };
}

promises! {
    transactions:
        what_is_committed_is_seen_and_not_before,
        what_is_dropped_was_never_there,
        a_unit_of_work_sees_what_it_wrote_itself,
        all_repositories_stand_or_fall_together;
    branches:
        a_branch_is_read_back_as_it_was_written,
        slugs_are_unique_among_live_branches,
        a_taken_slug_leaves_the_unit_of_work_usable,
        of_many_who_want_one_slug_at_once_one_gets_it,
        admissions_take_turns,
        a_locked_branch_is_changed_by_one_at_a_time,
        generation_numbers_never_repeat,
        lists_begin_with_main_and_then_the_newest,
        a_user_is_shown_main_and_its_own,
        live_branches_are_counted_without_main,
        children_are_the_live_branches_cut_from_one,
        expired_branches_are_those_whose_time_has_come,
        access_is_granted_changed_and_taken_away,
        what_is_live_and_what_is_kept_is_found,
        of_each_end_people_are_warned_once,
        cursors_of_other_lists_are_refused;
    operations:
        each_operation_is_claimed_by_one_worker,
        the_oldest_is_claimed_first_and_runs_from_then_on,
        what_runs_nothing_of_peoples_is_claimed_apart,
        a_claim_holds_until_its_lease_runs_out,
        a_stale_claim_writes_nothing,
        what_a_branch_had_before_is_noted_once,
        a_branchs_choice_of_seeds_is_that_of_what_made_it_as_it_is,
        a_renewed_lease_lasts,
        a_released_operation_waits_for_its_delay,
        what_did_not_work_out_is_counted_for_whoever_comes_next,
        what_nobody_has_claimed_is_cancelled_at_once,
        what_is_at_work_is_asked_to_end_and_claimed_at_once_where_it_waits,
        a_delayed_operation_is_not_claimed_before_its_time,
        turns_are_taken_by_one_and_given_back_at_the_end,
        what_was_saved_is_found_and_what_is_finished_is_not_claimed,
        a_claim_that_was_rolled_back_was_never_made,
        workers_are_woken_by_new_work,
        workers_do_not_wait_longer_than_they_want;
    keys:
        a_key_is_read_back_as_it_was_written,
        keys_are_listed_by_kind_with_the_newest_first,
        a_key_is_revoked_once,
        keys_pinned_to_a_branch_end_with_it,
        prefixes_are_unique;
    users:
        a_user_is_found_by_id_and_by_address,
        addresses_are_unique,
        users_are_listed_by_address,
        who_signed_up_is_no_member_until_promoted;
    sessions:
        a_refresh_token_is_used_once_and_leads_to_the_next,
        a_token_used_twice_ends_its_session,
        of_two_who_use_a_token_at_once_one_gets_the_next,
        an_ended_session_gives_no_token,
        an_expired_token_gives_nothing,
        a_session_goes_on_until_it_is_ended_and_is_known_to_have_ended_at_once,
        a_session_whose_token_was_used_twice_goes_on_no_more,
        a_session_whose_time_is_up_goes_on_no_more;
    activity:
        a_branch_remembers_who_did_what_with_the_newest_first,
        branches_have_their_own_histories;
    audit:
        the_trail_is_read_page_by_page_with_the_newest_first,
        rows_of_the_trail_are_those_that_fit_all_that_is_given;
    migration_history:
        what_migrating_did_is_remembered_with_the_newest_first;
    directories:
        a_branch_is_found_as_soon_as_it_is_committed_and_not_before,
        a_changed_branch_is_seen_at_once_and_a_deleted_one_not_at_all,
        a_key_is_found_with_its_hash_and_its_users_address,
        a_revoked_key_is_known_to_be_so_at_once;
    rate_limits:
        no_key_gets_more_than_its_limit_in_a_minute,
        keys_have_their_own_budgets,
        an_hours_budget_is_apart_from_a_minutes;
}
