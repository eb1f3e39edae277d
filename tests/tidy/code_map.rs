//! The code map of ARCHITECTURE.md: the one drawing of which module may name what.

/// One row: a module and what it may name.
#[derive(Debug)]
pub(crate) struct Row {
    /// The module's path below `src/`, such as `["cli", "remote"]`.
    pub(crate) module: Vec<String>,
    /// Modules, or single items of modules, that it may name: `["ports", "Target"]`.
    pub(crate) names: Vec<Vec<String>>,
    /// Libraries that only the rows naming them may use.
    pub(crate) libraries: Vec<String>,
}

/// Reads the table whose heading is `| module | does | names | alone uses |`.
pub(crate) fn rows(architecture: &str) -> Vec<Row> {
    let mut lines = architecture.lines().skip_while(|line| !line.starts_with("| module |"));
    let heading = lines.next().map(cells);
    assert_eq!(
        heading.as_deref(),
        Some(["module", "does", "names", "alone uses"].map(str::to_owned).as_slice()),
        "ARCHITECTURE.md has no code map that this test can read"
    );
    let table = lines.skip(1).take_while(|line| line.starts_with('|'));
    table.map(|line| row(&cells(line))).collect()
}

impl Row {
    /// Whether code in this row's module may name `path`.
    pub(crate) fn permits(&self, path: &[String]) -> bool {
        let within = |allowed: &[String]| path.starts_with(allowed);
        within(&self.module[..1]) || self.names.iter().any(|allowed| within(allowed))
    }
}

fn row(cells: &[String]) -> Row {
    let [module, _, names, libraries] = cells else {
        panic!("a row of the code map has not four cells: {cells:?}");
    };
    let module = quoted(module).into_iter().next().map_or_else(Vec::new, |name| split(&name, "/"));
    assert!(!module.is_empty(), "a row of the code map names no module: {cells:?}");
    Row {
        module,
        names: quoted(names).iter().map(|name| split(name, "::")).collect(),
        libraries: quoted(libraries),
    }
}

fn cells(line: &str) -> Vec<String> {
    line.trim().trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
}

/// The words between backticks.
pub(crate) fn quoted(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn split(path: &str, separator: &str) -> Vec<String> {
    path.split(separator).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::rows;

    const MAP: &str = "words\n\n| module | does | names | alone uses |\n|---|---|---|---|\n\
        | `ion` | reads | `ports::Target`, `model` | |\n| `cli/remote` | asks | `pb` | `tonic` |\n";

    fn path(text: &str) -> Vec<String> {
        super::split(text, "::")
    }

    #[test]
    fn a_row_permits_its_own_module_what_it_names_and_nothing_else() {
        let rows = rows(MAP);
        let ion = &rows[0];
        for allowed in ["ion::Host", "ports::Target", "model", "model::Caller"] {
            assert!(ion.permits(&path(allowed)), "{allowed}");
        }
        for refused in ["ports", "ports::Store", "ports::*", "models", "grpc"] {
            assert!(!ion.permits(&path(refused)), "{refused}");
        }
        assert_eq!(rows[1].module, ["cli", "remote"]);
        assert_eq!(rows[1].libraries, ["tonic"]);
    }
}
