//! The repository that a folder lies in, as its own files have it: git itself need not be there.

use domain::branch::RepositoryName;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The repository of the remote `origin`, where there is one on a host of repositories: `owner/name`.
pub(super) fn origin(folder: &Path) -> Option<RepositoryName> {
    repository_of(&origin_url(&fs::read_to_string(git_dir(folder)?.join("config")).ok()?)?)
}

/// The folder that has the configuration; a worktree's file `.git` leads there.
fn git_dir(folder: &Path) -> Option<PathBuf> {
    let dot_git = folder.ancestors().map(|folder| folder.join(".git")).find(|path| path.exists())?;
    if dot_git.is_dir() {
        return Some(dot_git);
    }
    let text = fs::read_to_string(&dot_git).ok()?;
    let own = dot_git.parent()?.join(text.strip_prefix("gitdir:")?.trim());
    let common = fs::read_to_string(own.join("commondir")).ok();
    Some(common.map_or_else(|| own.clone(), |common| own.join(common.trim())))
}

/// The `url` of the section `[remote "origin"]`.
fn origin_url(config: &str) -> Option<String> {
    let mut in_origin = false;
    for line in config.lines().map(str::trim) {
        if line.starts_with('[') {
            in_origin = line.replace(' ', "") == r#"[remote"origin"]"#;
        } else if in_origin
            && let Some((key, value)) = line.split_once('=')
            && key.trim().eq_ignore_ascii_case("url")
        {
            return Some(value.trim().trim_matches('"').to_owned());
        }
    }
    None
}

/// The last two parts of a remote's URL, in any of the ways that git writes them.
fn repository_of(url: &str) -> Option<RepositoryName> {
    let path = match url.split_once("://") {
        Some((_, rest)) => rest.split_once('/')?.1,
        None => url.split_once(':')?.1,
    };
    let path = path.trim_matches('/').trim_end_matches(".git");
    let (rest, name) = path.rsplit_once('/')?;
    let owner = rest.rsplit('/').next()?;
    format!("{owner}/{name}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{origin, repository_of};
    use std::fs;

    #[test]
    fn every_spelling_of_a_remote_is_read() {
        for url in [
            "git@github.com:octo/repo.git",
            "https://github.com/octo/repo.git",
            "https://token@github.com/octo/repo",
            "ssh://git@github.com:22/octo/repo.git/",
            "https://git.example.com/mirror/octo/repo",
        ] {
            assert_eq!(repository_of(url).unwrap().as_str(), "octo/repo", "{url}");
        }
        for url in ["/srv/repo.git", "file:///repo", "repo", ""] {
            assert!(repository_of(url).is_none(), "{url}");
        }
    }

    #[test]
    fn the_remote_is_found_from_below_and_from_a_worktree() {
        let dir = tempfile::tempdir().unwrap();
        let config = "[core]\n\tbare = false\n[remote \"fork\"]\n\turl = git@github.com:me/repo.git\n[remote \"origin\"]\n\tfetch = x\n\turl = git@github.com:octo/repo.git\n";
        fs::create_dir_all(dir.path().join("main/.git/worktrees/w")).unwrap();
        fs::create_dir_all(dir.path().join("main/src")).unwrap();
        fs::create_dir(dir.path().join("w")).unwrap();
        fs::write(dir.path().join("main/.git/config"), config).unwrap();
        fs::write(dir.path().join("main/.git/worktrees/w/commondir"), "../..\n").unwrap();
        fs::write(dir.path().join("w/.git"), "gitdir: ../main/.git/worktrees/w\n").unwrap();
        for folder in ["main/src", "w"] {
            assert_eq!(origin(&dir.path().join(folder)).unwrap().as_str(), "octo/repo", "{folder}");
        }
        assert!(origin(dir.path()).is_none());
    }
}
