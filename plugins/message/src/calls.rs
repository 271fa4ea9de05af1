//! What templates call: filters, tests and functions. Minijinja looks them up where they are reached, so a wrong name in a
//! branch for bad days would show itself on a bad day.

use minijinja::machinery::{Instruction, get_compiled_template};
use minijinja::{Environment, Error, ErrorKind, State};

/// Whether there is all that the template of this name calls, whatever way it takes.
///
/// # Errors
/// The first name that there is not, with its line.
pub fn check_calls(environment: &Environment<'_>, template: &str) -> Result<(), String> {
    let template = environment.get_template(template).map_err(|error| error.to_string())?;
    let instructions = &get_compiled_template(&template).instructions;
    let all = || (0..).map_while(|place| Some((place, instructions.get(place)?)));
    let mut state = environment.empty_state();
    for (place, instruction) in all() {
        let (kind, name, there) = match instruction {
            Instruction::ApplyFilter(name, ..) => ("filter", *name, has_filter(&mut state, name)),
            Instruction::PerformTest(name, ..) => ("test", *name, has_test(&mut state, name)),
            Instruction::CallFunction(name, ..) => {
                let is_set =
                    |(_, other): (_, &Instruction<'_>)| matches!(other, Instruction::StoreLocal(set) if set == name);
                let there = *name == "loop" || environment.globals().any(|(global, _)| global == *name);
                ("function", *name, there || all().any(is_set))
            }
            _ => continue,
        };
        if !there {
            let line = instructions.get_line(place).unwrap_or(1);
            return Err(format!("line {line}: unknown {kind}: {kind} {name} is unknown"));
        }
    }
    Ok(())
}

/// Called with nothing, what is there complains of that.
fn has_filter(state: &mut State<'_, '_>, name: &str) -> bool {
    !is(ErrorKind::UnknownFilter, state.apply_filter(name, &[]))
}

fn has_test(state: &mut State<'_, '_>, name: &str) -> bool {
    !is(ErrorKind::UnknownTest, state.perform_test(name, &[]))
}

fn is<T>(kind: ErrorKind, answer: Result<T, Error>) -> bool {
    answer.is_err_and(|error| error.kind() == kind)
}
