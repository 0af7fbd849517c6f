//! Notes, as long as the plugin runs.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::app::App;

/// Most notes that are kept.
const NOTES_MAX: usize = 100;

/// A note.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Note {
    id: u64,
    text: String,
}

/// All notes, by their number.
#[derive(Debug, Default)]
pub(crate) struct Shelf(Mutex<Kept>);

#[derive(Debug, Default)]
pub(crate) struct Kept {
    last: u64,
    notes: BTreeMap<u64, Note>,
}

impl Shelf {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    contains: String,
}

pub(crate) async fn list(State(app): State<App>, Query(wanted): Query<Wanted>) -> Json<Vec<Note>> {
    let kept = app.notes.lock();
    let notes = kept
        .notes
        .values()
        .filter(|note| note.text.contains(&wanted.contains));
    Json(notes.cloned().collect())
}

#[derive(Debug, Deserialize)]
pub(crate) struct Written {
    text: String,
}

pub(crate) async fn add(
    State(app): State<App>,
    Json(written): Json<Written>,
) -> Result<(StatusCode, Json<Note>), StatusCode> {
    let note = {
        let mut kept = app.notes.lock();
        if kept.notes.len() >= NOTES_MAX {
            return Err(StatusCode::INSUFFICIENT_STORAGE);
        }
        kept.last += 1;
        let note = Note {
            id: kept.last,
            text: written.text,
        };
        kept.notes.insert(note.id, note.clone());
        note
    };
    tracing::info!(id = note.id, "a note was added");
    app.events.tell("added", &note);
    Ok((StatusCode::CREATED, Json(note)))
}

pub(crate) async fn show(State(app): State<App>, Path(id): Path<u64>) -> Result<Json<Note>, StatusCode> {
    let found = app.notes.lock().notes.get(&id).cloned();
    found.map(Json).ok_or(StatusCode::NOT_FOUND)
}

pub(crate) async fn remove(State(app): State<App>, Path(id): Path<u64>) -> StatusCode {
    let Some(note) = app.notes.lock().notes.remove(&id) else {
        return StatusCode::NOT_FOUND;
    };
    app.events.tell("removed", &note);
    StatusCode::NO_CONTENT
}
