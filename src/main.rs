//! The `carnetd` program. Everything is in the library: start at [`carnetd::cli`].

fn main() -> std::process::ExitCode {
    carnetd::cli::main()
}
