use super::StateNotice;

/// Notices that the administrator has not seen yet.
#[derive(Debug, Default)]
pub(super) struct Notices(Vec<StateNotice>);

impl Notices {
    /// Adds a notice, and logs it.
    pub(super) fn tell(&mut self, code: &'static str, message: String) {
        tracing::warn!(code, "{message}");
        self.0.push(StateNotice { code, message });
    }

    pub(super) fn extend(&mut self, notices: Vec<StateNotice>) {
        for notice in notices {
            self.tell(notice.code, notice.message);
        }
    }

    pub(super) fn take(&mut self) -> Vec<StateNotice> {
        std::mem::take(&mut self.0)
    }
}
