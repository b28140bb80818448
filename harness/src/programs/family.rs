//! What the package of a family of tables declares in its `Cargo.toml`.

use std::fs;
use std::path::Path;

use ::table::Glob;
use anyhow::Context;

use super::catalogue::NameGlob;

/// The manifests of the families that are built on demand alone. They are here so that a program without the
/// workspace can say of a table that it lacks how to get it.
const ON_DEMAND: [&str; 1] = [include_str!("../../subjects/peers-cpp/Cargo.toml")];

/// A family's package.
#[derive(Debug)]
pub(super) struct Family {
    pub(super) package: String,
    /// Globs of its structures, whose variants are its too.
    pub(super) structures: Vec<String>,
    /// Of a family that is built on demand alone, how.
    pub(super) on_demand: Option<OnDemand>,
}

/// What a family needs that is built on demand alone.
#[derive(Debug)]
pub(super) struct OnDemand {
    /// The feature of its package without which there is no program.
    feature: String,
    /// What must be there besides, in words.
    needs: String,
}

impl OnDemand {
    /// The feature, as cargo is told of that of one package among several.
    pub(super) fn feature_of(&self, package: &str) -> String {
        format!("{package}/{}", self.feature)
    }
}

impl Family {
    /// Whether it declares a structure of that name, or of which that is a variant.
    pub(super) fn has(&self, structure: &str) -> bool {
        let name = structure.split(':').next().unwrap_or_default();
        let is = |glob: &String| glob.parse().is_ok_and(|glob: Glob| glob.matches(name));
        self.structures.iter().any(is)
    }

    /// What the package of that `Cargo.toml` declares; `None` if there is no such file.
    pub(super) fn read(manifest: &Path) -> anyhow::Result<Option<Self>> {
        let Ok(text) = fs::read_to_string(manifest) else { return Ok(None) };
        let what = || format!("{} declares no structures", manifest.display());
        Self::of(&text).with_context(what).map(Some)
    }

    /// What this text of a `Cargo.toml` declares.
    fn of(text: &str) -> Option<Self> {
        let manifest: toml::Table = text.parse().ok()?;
        let package = manifest.get("package")?;
        let declared = package.get("metadata")?.get("bench")?;
        let text = |of: &toml::Value, key| Some(of.get(key)?.as_str()?.to_owned());
        let structures = declared.get("structures")?.as_array()?.iter();
        let on_demand = text(declared, "feature").map(|feature| OnDemand {
            feature,
            needs: text(declared, "needs").unwrap_or_default(),
        });
        Some(Self {
            package: text(package, "name")?,
            structures: structures.filter_map(|glob| Some(glob.as_str()?.to_owned())).collect(),
            on_demand,
        })
    }

    /// The families that are built on demand alone.
    pub(super) fn all_on_demand() -> impl Iterator<Item = Self> {
        ON_DEMAND.iter().filter_map(|text| Self::of(text))
    }

    /// Whether a name or glob means some structure of it.
    pub(super) fn is_meant(&self, pattern: &str) -> bool {
        let glob: Option<NameGlob> = pattern.parse().ok();
        let fits = |name: &String| glob.as_ref().is_some_and(|glob| glob.fits(name));
        self.has(pattern) || self.structures.iter().any(fits)
    }

    /// How the family is had, if it is built on demand alone; `profile` is what tells cargo the profile.
    pub(super) fn how(&self, profile: &str) -> Option<String> {
        let OnDemand { feature, needs } = self.on_demand.as_ref()?;
        Some(format!(
            "it is of {0}, which is built on demand alone: `cargo build {profile}-p {0} --features {feature}`, \
             where there is {needs}",
            self.package
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_found_by_name_variants_among_them() {
        let structures = ["cuckoo-*", "left-right"].map(str::to_owned).to_vec();
        let family = Family { package: "p".to_owned(), structures, on_demand: None };
        assert!(family.has("cuckoo-striped") && family.has("cuckoo-striped:slots=8"));
        assert!(family.has("left-right") && family.has("left-right:nodes=counted"));
        assert!(!family.has("chaining-inline:cuckoo-"));
        assert_eq!(family.how(""), None);
    }

    #[test]
    fn each_manifest_on_demand_says_how() {
        assert_eq!(Family::all_on_demand().count(), ON_DEMAND.len());
        for family in Family::all_on_demand() {
            let (first, how) = (&family.structures[0], family.how("--profile p ").unwrap());
            let feature = &family.on_demand.as_ref().unwrap().feature;
            let command = format!("build --profile p -p {} --features {feature}`", family.package);
            assert!(how.contains(&command), "{how}");
            for pattern in [first, &format!("{first}:a=b"), &format!("{}*", &first[..4])] {
                assert!(family.is_meant(pattern), "{pattern}");
            }
            assert!(!family.is_meant("papaya") && !family.is_meant("["));
        }
    }
}
