//! The project's folder `.fluxbase/`: which server it belongs to, which branch is switched to.

mod owners;

use super::failure::CliError;
use domain::Slug;
use owners::Owners;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// The folder's name.
const FOLDER: &str = ".fluxbase";
const CONFIG: &str = "config.json";
/// The server's URL in a line of text, for who writes no JSON.
const URL: &str = "url";
const KEY: &str = "key";

/// A project, by its folder `.fluxbase`.
#[derive(Clone, Debug)]
pub(super) struct Project {
    folder: PathBuf,
}

/// What the folder says.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct ProjectConfig {
    /// The server's base URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) url: Option<String>,
    /// The branch that commands mean; main where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    branch: Option<String>,
    /// The branch before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    previous_branch: Option<String>,
    /// What others wrote into it.
    #[serde(flatten)]
    more: Map<String, Value>,
}

impl Project {
    /// The nearest project, from a folder upwards; refused where it is another user's.
    pub(super) fn of(folder: &Path) -> Result<Option<Self>, CliError> {
        Self::of_owners(folder, &Owners::trusted()?)
    }

    fn of_owners(folder: &Path, owners: &Owners) -> Result<Option<Self>, CliError> {
        let named = |folder: &PathBuf| [CONFIG, URL].iter().any(|file| folder.join(file).is_file());
        let Some(folder) = folder.ancestors().map(|folder| folder.join(FOLDER)).find(named) else { return Ok(None) };
        owners.check(&folder)?;
        for file in [CONFIG, URL, KEY] {
            owners.check(&folder.join(file))?;
        }
        Ok(Some(Self { folder }))
    }

    /// The nearest project; where there is none, one is made.
    pub(super) fn of_or_new(folder: &Path) -> Result<Self, CliError> {
        if let Some(project) = Self::of(folder)? {
            return Ok(project);
        }
        Self::new_in(Self::root_for(folder))
    }

    /// Where a project belongs that there is not yet: the root of the repository that the folder lies in, else the folder itself.
    pub(super) fn root_for(folder: &Path) -> &Path {
        folder.ancestors().find(|folder| folder.join(".git").exists()).unwrap_or(folder)
    }

    /// A project in this folder.
    pub(super) fn new_in(root: &Path) -> Result<Self, CliError> {
        let project = Self { folder: root.join(FOLDER) };
        fs::create_dir_all(&project.folder).map_err(|error| unwritable(&project.folder, &error))?;
        // A branch that is switched to, and a key, are one person's own.
        let ignore = project.folder.join(".gitignore");
        if !ignore.exists() {
            fs::write(&ignore, "*\n").map_err(|error| unwritable(&ignore, &error))?;
        }
        if !project.folder.join(CONFIG).exists() {
            project.write(&ProjectConfig::default())?;
        }
        Ok(project)
    }

    /// The folder that the project lies in.
    pub(super) fn root(&self) -> &Path {
        self.folder.parent().unwrap_or(&self.folder)
    }

    /// The folder `.fluxbase` itself.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// What it says.
    pub(super) fn config(&self) -> Result<ProjectConfig, CliError> {
        let path = self.folder.join(CONFIG);
        let Some(text) = read(&path)? else { return Ok(ProjectConfig::default()) };
        serde_json::from_str(&text).map_err(|error| unusable(&path, &error))
    }

    /// Its server, and the file that names it.
    pub(super) fn url(&self) -> Result<Option<(PathBuf, String)>, CliError> {
        if let Some(url) = self.config()?.url {
            return Ok(Some((self.folder.join(CONFIG), url)));
        }
        let plain = self.folder.join(URL);
        Ok(read(&plain)?.map(|url| (plain, url)))
    }

    /// Its key, where it has one.
    pub(super) fn key(&self) -> Result<Option<String>, CliError> {
        read(&self.folder.join(KEY))
    }

    /// Writes down what it says.
    pub(super) fn write(&self, config: &ProjectConfig) -> Result<(), CliError> {
        let path = self.folder.join(CONFIG);
        let text = serde_json::to_string_pretty(config).expect("texts are JSON");
        // Whole or not at all: a command may look at it meanwhile.
        let new = path.with_extension(format!("{}.new", std::process::id()));
        fs::write(&new, text + "\n").and_then(|()| fs::rename(&new, &path)).map_err(|error| unwritable(&path, &error))
    }
}

impl ProjectConfig {
    /// The branch that commands mean, where it is not main.
    pub(super) fn branch(&self) -> Result<Option<Slug>, CliError> {
        self.branch.as_deref().map(slug).transpose().map(|slug| slug.filter(|slug| !slug.is_main()))
    }

    /// The branch that was switched away from.
    pub(super) fn previous_branch(&self) -> Result<Option<Slug>, CliError> {
        self.previous_branch.as_deref().map(slug).transpose()
    }

    /// The same after a switch.
    pub(super) fn switched(self, to: &Slug) -> Result<Self, CliError> {
        let from = self.branch()?.unwrap_or_else(Slug::main);
        if from == *to {
            return Ok(self);
        }
        Ok(Self { branch: (!to.is_main()).then(|| to.to_string()), previous_branch: Some(from.to_string()), ..self })
    }
}

fn slug(text: &str) -> Result<Slug, CliError> {
    text.parse().map_err(|_| CliError::local("no_branch", format!("'{text}' in {FOLDER}/{CONFIG} is no branch's slug"), None))
}

/// A file's text; `None` where there is no file.
pub(super) fn read(path: &Path) -> Result<Option<String>, CliError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => {
            let hint = "run this as the user who started the server, or name the server and a key with --url and --key";
            Err(CliError::local("unreadable", format!("cannot read {}: {error}", path.display()), Some(hint)))
        }
    }
}

/// A file that says nothing that can be understood.
pub(super) fn unusable(path: &Path, error: &serde_json::Error) -> CliError {
    CliError::local("unreadable", format!("{} cannot be understood: {error}", path.display()), None)
}

/// A file or folder that cannot be written.
pub(super) fn unwritable(path: &Path, error: &io::Error) -> CliError {
    CliError::local("unwritable", format!("cannot write {}: {error}", path.display()), None)
}

#[cfg(test)]
mod tests {
    use super::{CliError, Owners, Project, ProjectConfig};
    use std::{
        fs,
        os::unix::fs::{MetadataExt, symlink},
    };

    #[test]
    fn switching_remembers_where_one_was_and_keeps_what_others_wrote() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("deep/er")).unwrap();
        fs::create_dir(dir.path().join(".git")).unwrap();
        assert!(Project::of(&dir.path().join("deep")).unwrap().is_none());
        let project = Project::of_or_new(&dir.path().join("deep/er")).unwrap();
        assert_eq!(project.root(), dir.path());
        fs::write(dir.path().join(".fluxbase/config.json"), r#"{"url":"http://a:1","theme":"dark"}"#).unwrap();

        let switched = project.config().unwrap().switched(&"pr-1".parse().unwrap()).unwrap();
        project.write(&switched).unwrap();
        let found = Project::of(&dir.path().join("deep")).unwrap().unwrap().config().unwrap();
        assert_eq!(found.branch().unwrap().unwrap().as_str(), "pr-1");
        assert!(found.previous_branch().unwrap().unwrap().is_main());
        let back = found.switched(&"main".parse().unwrap()).unwrap();
        assert!(back.branch().unwrap().is_none() && back.previous_branch().unwrap().unwrap().as_str() == "pr-1");
        project.write(&back).unwrap();
        let text = fs::read_to_string(dir.path().join(".fluxbase/config.json")).unwrap();
        assert!(text.contains("dark") && text.contains("http://a:1"), "{text}");
        assert_eq!(fs::read_to_string(dir.path().join(".fluxbase/.gitignore")).unwrap(), "*\n");
    }

    #[test]
    fn what_another_user_left_further_up_is_no_project_of_ones_own() {
        let dir = tempfile::tempdir().unwrap();
        let working = dir.path().join("mine");
        fs::create_dir_all(&working).unwrap();
        Project::new_in(dir.path()).unwrap();
        let owner = fs::metadata(dir.path()).unwrap().uid();

        assert!(Project::of_owners(&working, &Owners::only(owner)).unwrap().is_some());
        let refused = Project::of_owners(&working, &Owners::only(owner + 1)).unwrap_err();
        assert!(matches!(&refused, CliError::Local { code: "foreign_project", hint: Some(hint), .. } if hint.contains("chown")), "{refused}");
        assert!(refused.to_string().contains(&format!("(id {owner})")), "{refused}");
        // One of one's own is nearer, and nobody asks whose the other is.
        Project::new_in(&working).unwrap();
        assert_eq!(Project::of(&working).unwrap().unwrap().root(), working);
    }

    #[test]
    fn a_link_is_as_foreign_as_what_it_leads_to() {
        let dir = tempfile::tempdir().unwrap();
        let owner = fs::metadata(dir.path()).unwrap().uid();
        symlink("/", dir.path().join("link")).unwrap();
        assert!(Owners::only(owner + 1).check(&dir.path().join("link")).is_err(), "whose link it is");
        assert!(Owners::only(owner).check(&dir.path().join("nothing")).is_ok());
        let behind = fs::metadata("/").unwrap().uid();
        assert_eq!(Owners::only(owner).check(&dir.path().join("link")).is_ok(), owner == behind, "whose what it leads to is");
    }

    #[test]
    fn what_is_no_branch_is_told() {
        let config: ProjectConfig = serde_json::from_str(r#"{"branch":"No Slug"}"#).unwrap();
        assert!(config.branch().unwrap_err().to_string().contains("No Slug"));
    }
}
