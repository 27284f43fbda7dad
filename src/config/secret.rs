//! The keys of a secret: `X_file`, `X_command` or `X_credential`, exactly one of them.
//!
//! Only that it can be had is checked here; it is read when it is needed, by [`crate::auth::secret`].

use std::fs;
use std::path::Path;

use crate::auth::secret::SecretSource;

use super::keys::SECRET_FORMS;
use super::problem::Problem;
use super::raw::{Complaint, Given, Section, Sink, Value};
use super::value;

impl Section<'_> {
    /// Reads the secret `name`. `needed` says whether its file has to be there now.
    pub(super) fn secret(&self, name: &str, needed: bool, sink: &mut Sink<'_>) -> Given<SecretSource> {
        let keys = SECRET_FORMS.map(|form| format!("{name}_{form}"));
        let mut places = keys.iter().filter_map(|key| Some((key, self.key_place(key)?)));
        if let (Some((first_key, first)), Some((_, second))) = (places.next(), places.next()) {
            let problem = Problem::at(&second, format!("the secret `{name}` is given twice"), "and here")
                .also(&first, "first here")
                .help(format!("keep one of them, for example {first_key}"));
            sink.add(problem);
            return Given::Wrong;
        }
        // A secret written into the file was complained of when the table was opened.
        if self.key_place(name).is_some() {
            return Given::Wrong;
        }
        let [file, command, credential] = keys;
        let credentials = sink.env.credentials_directory.clone();
        self.get(&file, sink, |value| secret_file(value, needed))
            .or(self.get(&command, sink, secret_command))
            .or(self.get(&credential, sink, |value| secret_credential(value, credentials.as_deref())))
    }
}

fn secret_file(value: Value<'_>, needed: bool) -> Result<SecretSource, Complaint> {
    let path = value::path(value)?;
    if needed {
        readable(value.key, &path)?;
    }
    Ok(SecretSource::File(path))
}

/// Whether the file can be opened.
pub(super) fn readable(key: &str, path: &Path) -> Result<(), Complaint> {
    let shown = path.display();
    match fs::File::open(path).and_then(|file| file.metadata()) {
        Ok(metadata) if metadata.is_dir() => {
            Err(Complaint::new(format!("`{key}` names a directory"), "expected a file")
                .help(format!("{shown} is a directory")))
        }
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(Complaint::new(format!("`{key}` names a file that is not there"), "not found")
                .help(format!("create {shown}, or correct the path: it starts from this file's directory")))
        }
        Err(error) => Err(Complaint::new(format!("`{key}` cannot be read: {error}"), "not readable")
            .help(format!("let the user that carnetd runs as read {shown}"))),
    }
}

fn secret_command(value: Value<'_>) -> Result<SecretSource, Complaint> {
    let mut argv = value::texts(value).map_err(|complaint| {
        complaint.help(format!("write {} = [\"PROGRAM\", \"ARGUMENT\", …]: no shell splits it", value.key))
    })?;
    let Some(program) = argv.first_mut() else {
        return Err(Complaint::new(format!("`{}` is empty", value.key), "expected a program and its arguments")
            .help(format!("write {} = [\"PROGRAM\", \"ARGUMENT\", …]", value.key)));
    };
    // A bare name is looked up in PATH; anything else is a path like every other.
    if program.contains('/') {
        *program = value.absolute(program).display().to_string();
    }
    Ok(SecretSource::Command(argv))
}

fn secret_credential(value: Value<'_>, directory: Option<&Path>) -> Result<SecretSource, Complaint> {
    let name = value::text(value)?;
    if name.contains('/') || name == "." || name == ".." {
        return Err(Complaint::new(
            format!("`{}` is no name of a credential", value.key),
            "expected a name, not a path",
        )
        .help(format!("for a path write {}_file", value.key.trim_end_matches("_credential"))));
    }
    // Outside the unit there is no such directory, and the daemon is asked instead.
    if let Some(directory) = directory
        && !directory.join(&name).is_file()
    {
        return Err(Complaint::new(
            format!("systemd passed no credential named {name:?}"),
            "not among the unit's credentials",
        )
        .help(format!(
            "add LoadCredential={name}:/PATH to the unit, then: systemctl daemon-reload && systemctl restart carnetd"
        )));
    }
    Ok(SecretSource::Credential(name))
}
