//! Compiles the adapters of the libraries that are there: each is tried by itself, and what is not there is left
//! out with a warning. Without the feature `cpp` there is nothing to do.

fn main() {
    println!("cargo::rustc-check-cfg=cfg(has_libcuckoo, has_rculfhash, has_tbb)");
    #[cfg(feature = "cpp")]
    cpp::compile();
}

#[cfg(feature = "cpp")]
mod cpp {
    use std::env;
    use std::fs;
    use std::path::PathBuf;
    use std::process::Command;

    /// A library, and how it is compiled and linked.
    struct Library {
        /// Its adapter is `cpp/NAME.cpp`; if it is there, `has_NAME` is set, and `NAME_VERSION`.
        name: &'static str,
        /// Debian's package, which is asked for the version.
        package: &'static str,
        /// What the adapter includes.
        header: &'static str,
        /// What pkg-config calls it, if it knows it.
        pkg_config: &'static str,
        links: &'static [&'static str],
    }

    const LIBRARIES: [Library; 3] = [
        Library {
            name: "libcuckoo",
            package: "libcuckoo-dev",
            header: "libcuckoo/cuckoohash_map.hh",
            pkg_config: "",
            links: &[],
        },
        Library {
            name: "rculfhash",
            package: "liburcu-dev",
            header: "urcu/rculfhash.h",
            pkg_config: "liburcu",
            links: &["urcu-cds", "urcu-memb"],
        },
        Library {
            name: "tbb",
            package: "libtbb-dev",
            header: "oneapi/tbb/concurrent_hash_map.h",
            pkg_config: "tbb",
            links: &["tbb"],
        },
    ];

    pub(crate) fn compile() {
        println!("cargo::rerun-if-changed=cpp");
        println!("cargo::rerun-if-changed=build.rs");
        let compiler = compiler().get_compiler();
        let version = output(compiler.to_command().arg("--version"));
        let version = version.unwrap_or_else(|| {
            panic!(
                "the feature `cpp` needs a C++ compiler: {} does not run",
                compiler.path().display()
            )
        });
        let kind = if compiler.is_like_clang() { "clang" } else { "g++" };
        let number = version_number(&version);
        println!("cargo::rustc-env=CXX_VERSION={kind} {number}");
        let mut adapters = compiler_of_adapters();
        adapters.file("cpp/no_op.cpp");
        let there: Vec<&Library> = LIBRARIES.iter().filter(|library| library.is_there()).collect();
        for library in &there {
            adapters.file(format!("cpp/{}.cpp", library.name));
            println!("cargo::rustc-cfg=has_{}", library.name);
            let version = library.version().unwrap_or_else(|| "of unknown version".to_owned());
            println!("cargo::rustc-env={}_VERSION={version}", library.name.to_uppercase());
        }
        adapters.compile("peers_cpp");
        for link in there.iter().flat_map(|library| library.links) {
            println!("cargo::rustc-link-lib={link}");
        }
    }

    fn compiler() -> cc::Build {
        let mut build = cc::Build::new();
        build.cpp(true).std("c++17");
        build
    }

    /// The loops find an operation by comparing, as those in Rust do.
    fn compiler_of_adapters() -> cc::Build {
        let mut build = compiler();
        build.warnings(true).flag_if_supported("-fno-jump-tables");
        build
    }

    impl Library {
        /// Whether a file that includes its header compiles.
        fn is_there(&self) -> bool {
            let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
            let probe = out.join(format!("probe_{}.cpp", self.name));
            fs::write(&probe, format!("#include <{}>\n", self.header)).expect("the folder is ours");
            let mut command = compiler().get_compiler().to_command();
            let compiles = output(command.arg("-fsyntax-only").arg(&probe)).is_some();
            if !compiles {
                println!(
                    "cargo::warning=without {}: there is no <{}>, which Debian has in {}",
                    self.name, self.header, self.package
                );
            }
            compiles
        }

        /// Without the packager's revision.
        fn version(&self) -> Option<String> {
            let mut packager = Command::new("dpkg-query");
            let of_package = output(packager.args(["-W", "-f=${Version}", self.package]));
            let version = of_package.or_else(|| {
                let mut pkg_config = Command::new("pkg-config");
                output(pkg_config.args(["--modversion", self.pkg_config]))
            })?;
            let upstream = version.trim().split('-').next()?;
            (!upstream.is_empty()).then(|| upstream.to_owned())
        }
    }

    /// The last word of the first line that begins as a number does: `12.2.0`.
    fn version_number(text: &str) -> &str {
        let words = text.lines().next().unwrap_or_default().split_whitespace();
        words
            .rev()
            .find(|word| word.starts_with(|c: char| c.is_ascii_digit()))
            .unwrap_or("of unknown version")
    }

    /// What a command prints, if it is there and succeeds.
    fn output(command: &mut Command) -> Option<String> {
        let output = command.output().ok().filter(|output| output.status.success())?;
        String::from_utf8(output.stdout).ok()
    }
}
