//! The protocol: one message after another, each answered before the next; a changed document is looked into once
//! its client has been quiet for a moment, or asks.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;
use std::time::{Duration, Instant};

use lsp_server::{Connection, ErrorCode, Message, Notification, Request, RequestId, Response};
use lsp_types::notification::{
    DidChangeTextDocument, DidCloseTextDocument, DidOpenTextDocument, Exit, Notification as _,
    PublishDiagnostics,
};
use lsp_types::request::{
    Completion, DocumentHighlightRequest, DocumentSymbolRequest, Formatting, GotoDefinition, HoverRequest,
    PrepareRenameRequest, References, Rename, Request as _, Shutdown,
};
use lsp_types::{
    CompletionList, CompletionOptions, CompletionResponse, Diagnostic, DiagnosticRelatedInformation,
    DiagnosticSeverity, DiagnosticTag, DidChangeTextDocumentParams, DidCloseTextDocumentParams,
    DidOpenTextDocumentParams, DocumentHighlight, DocumentSymbolResponse, GotoDefinitionResponse, Hover,
    HoverContents, HoverProviderCapability, InitializeParams, InitializeResult, Location, MarkupContent,
    MarkupKind, OneOf, PrepareRenameResponse, PublishDiagnosticsParams, RenameOptions, ServerCapabilities,
    ServerInfo, TextDocumentPositionParams, TextDocumentSyncCapability, TextDocumentSyncKind,
    TextDocumentSyncOptions, TextEdit, Uri, WorkspaceEdit,
};
use serde_json::Value;
use skep_asm::{Options, Outline, Role};

use crate::analysis::{Analysis, Finding, MAX_DOCUMENT_BYTES, Weight};
use crate::completion::{MAX_COMPLETIONS, completions};
use crate::document::{MAX_KEPT_BYTES, Text};
use crate::error::LspError;
use crate::hover::hover;
use crate::symbols::{Occurrence, Symbols};

/// How long a client must be quiet before a changed document is looked into.
pub const DEBOUNCE: Duration = Duration::from_millis(120);
/// Most documents that are open at the same time; further ones are not looked into.
pub const MAX_DOCUMENTS: usize = 1024;

/// Serves a client until it says `exit` or goes away.
pub fn serve(connection: &Connection) -> Result<(), LspError> {
    let (id, params) = connection.initialize_start().map_err(LspError::Handshake)?;
    let params: InitializeParams = match serde_json::from_value(params) {
        Ok(params) => params,
        Err(error) => {
            let refusal = Response::new_err(id, ErrorCode::InvalidParams as i32, error.to_string());
            let _ = connection.sender.send(refusal.into());
            return Err(LspError::Client(error));
        }
    };
    let diagnostics = params.capabilities.text_document.and_then(|text| text.publish_diagnostics);
    let related = diagnostics.and_then(|diagnostics| diagnostics.related_information).unwrap_or(false);
    let mut server = Server { connection, related, documents: BTreeMap::new(), shutdown: false };
    server.send(Response::new_ok(id, capabilities()));
    server.run()
}

/// What the server can do.
fn capabilities() -> InitializeResult {
    InitializeResult {
        capabilities: ServerCapabilities {
            text_document_sync: Some(TextDocumentSyncCapability::Options(TextDocumentSyncOptions {
                open_close: Some(true),
                change: Some(TextDocumentSyncKind::INCREMENTAL),
                ..TextDocumentSyncOptions::default()
            })),
            hover_provider: Some(HoverProviderCapability::Simple(true)),
            definition_provider: Some(OneOf::Left(true)),
            references_provider: Some(OneOf::Left(true)),
            document_highlight_provider: Some(OneOf::Left(true)),
            document_symbol_provider: Some(OneOf::Left(true)),
            document_formatting_provider: Some(OneOf::Left(true)),
            rename_provider: Some(OneOf::Right(RenameOptions {
                prepare_provider: Some(true),
                work_done_progress_options: lsp_types::WorkDoneProgressOptions::default(),
            })),
            completion_provider: Some(CompletionOptions {
                trigger_characters: Some(vec![".".to_owned()]),
                ..CompletionOptions::default()
            }),
            ..ServerCapabilities::default()
        },
        server_info: Some(ServerInfo {
            name: "skep".to_owned(),
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        }),
    }
}

/// An open document.
struct Document {
    uri: Uri,
    version: i32,
    text: Text,
    outline: Outline,
    analysis: Analysis,
    /// When to look into it, if it was changed since.
    due: Option<Instant>,
    /// Whether it grew too large to be kept: it is empty until it is sent as a whole.
    lost: bool,
    /// The functions of the last text that assembled.
    functions: HashSet<String>,
}

impl Document {
    fn symbols(&self) -> Symbols<'_> {
        Symbols { text: &self.text, outline: &self.outline }
    }

    fn set(&mut self, text: Option<Text>) {
        self.lost = text.is_none();
        self.text = text.unwrap_or_else(|| Text::new(String::new()));
        let source = self.text.as_str();
        self.outline = if source.len() <= MAX_DOCUMENT_BYTES {
            skep_asm::outline(source, &Options::default())
        } else {
            Outline::default()
        };
    }

    /// Looks into it, if it was changed since.
    fn analyse(&mut self) {
        if self.due.take().is_none() {
            return;
        }
        self.analysis = Analysis::new(self.text.as_str(), &self.outline);
        if let Some(object) = &self.analysis.object {
            self.functions = object.functions.iter().map(|function| function.name.clone()).collect();
        }
        if self.lost {
            self.analysis.findings = vec![Finding {
                span: 0..0,
                weight: Weight::Information,
                source: "skep",
                message: format!(
                    "the document has more than {MAX_KEPT_BYTES} bytes: open it again once it has not"
                ),
                notes: Vec::new(),
            }];
        }
    }
}

/// Why a request is not answered.
struct Refusal {
    code: ErrorCode,
    message: String,
}

impl Refusal {
    fn failed(message: impl Into<String>) -> Refusal {
        Refusal { code: ErrorCode::RequestFailed, message: message.into() }
    }
}

struct Server<'a> {
    connection: &'a Connection,
    /// Whether the client shows what belongs to a diagnostic.
    related: bool,
    /// By URI.
    documents: BTreeMap<String, Document>,
    shutdown: bool,
}

impl Server<'_> {
    fn run(&mut self) -> Result<(), LspError> {
        loop {
            let due = self.documents.values().filter_map(|document| document.due).min();
            let message = match due {
                None => self.connection.receiver.recv().ok(),
                Some(due) => match self.connection.receiver.recv_deadline(due) {
                    Ok(message) => Some(message),
                    Err(error) if error.is_timeout() => {
                        self.look(Instant::now());
                        continue;
                    }
                    Err(_) => None,
                },
            };
            match message {
                // The client went away.
                None => return Ok(()),
                Some(Message::Request(request)) => self.request(request),
                Some(Message::Notification(notification)) => {
                    if notification.method == Exit::METHOD {
                        return if self.shutdown { Ok(()) } else { Err(LspError::ExitWithoutShutdown) };
                    }
                    self.notification(notification);
                }
                // Nothing is asked of the client.
                Some(Message::Response(_)) => {}
            }
        }
    }

    /// A client that does not listen any more soon stops talking too, which ends the loop.
    fn send(&self, message: impl Into<Message>) {
        let _ = self.connection.sender.send(message.into());
    }

    /// Looks into the documents that are due, and publishes what was found.
    fn look(&mut self, now: Instant) {
        let due = |document: &&mut Document| document.due.is_some_and(|due| due <= now);
        let mut published = Vec::new();
        for document in self.documents.values_mut().filter(due) {
            document.analyse();
            published.push(diagnostics(document, self.related));
        }
        for params in published {
            self.send(Notification::new(PublishDiagnostics::METHOD.to_owned(), params));
        }
    }

    fn notification(&mut self, notification: Notification) {
        // A notification has no answer: what is malformed is left.
        let params = notification.params;
        match notification.method.as_str() {
            DidOpenTextDocument::METHOD => {
                if let Ok(params) = serde_json::from_value(params) {
                    self.opened(params);
                }
            }
            DidChangeTextDocument::METHOD => {
                if let Ok(params) = serde_json::from_value(params) {
                    self.changed(params);
                }
            }
            DidCloseTextDocument::METHOD => {
                if let Ok(params) = serde_json::from_value(params) {
                    self.closed(params);
                }
            }
            _ => {}
        }
    }

    fn opened(&mut self, params: DidOpenTextDocumentParams) {
        let opened = params.text_document;
        let key = opened.uri.as_str().to_owned();
        if self.documents.len() >= MAX_DOCUMENTS && !self.documents.contains_key(&key) {
            return;
        }
        let mut document = Document {
            uri: opened.uri,
            version: opened.version,
            text: Text::default(),
            outline: Outline::default(),
            analysis: Analysis::default(),
            due: Some(Instant::now()),
            lost: false,
            functions: HashSet::new(),
        };
        document.set((opened.text.len() <= MAX_KEPT_BYTES).then(|| Text::new(opened.text)));
        self.documents.insert(key, document);
        self.look(Instant::now());
    }

    fn changed(&mut self, params: DidChangeTextDocumentParams) {
        let Some(document) = self.documents.get_mut(params.text_document.uri.as_str()) else { return };
        document.version = params.text_document.version;
        let mut text = (!document.lost).then(|| std::mem::take(&mut document.text));
        for change in params.content_changes {
            // An edit of a text that is not here any more can't be applied; a whole text can.
            text = match (text, change.range) {
                (None, Some(_)) => None,
                (text, _) => text.unwrap_or_else(|| Text::new(String::new())).changed(change),
            };
        }
        document.set(text);
        document.due = Some(Instant::now() + DEBOUNCE);
    }

    fn closed(&mut self, params: DidCloseTextDocumentParams) {
        let uri = params.text_document.uri;
        if self.documents.remove(uri.as_str()).is_some() {
            let nothing = PublishDiagnosticsParams::new(uri, Vec::new(), None);
            self.send(Notification::new(PublishDiagnostics::METHOD.to_owned(), nothing));
        }
    }

    fn request(&mut self, request: Request) {
        let Request { id, method, params } = request;
        let answered = if self.shutdown {
            Err(Refusal { code: ErrorCode::InvalidRequest, message: "after `shutdown`".to_owned() })
        } else {
            self.answer(&method, params)
        };
        self.send(response(id, answered));
    }

    fn answer(&mut self, method: &str, params: Value) -> Result<Value, Refusal> {
        match method {
            Shutdown::METHOD => {
                self.shutdown = true;
                Ok(Value::Null)
            }
            HoverRequest::METHOD => with::<HoverRequest>(params, |params| {
                let (document, offset) = self.place(&params.text_document_position_params)?;
                // What is known of the text as it is now, not as it was before the last keys.
                document.analyse();
                let found = hover(&document.symbols(), &document.analysis, offset);
                Ok(found.map(|(value, span)| Hover {
                    contents: HoverContents::Markup(MarkupContent { kind: MarkupKind::Markdown, value }),
                    range: Some(document.text.range(&span)),
                }))
            }),
            GotoDefinition::METHOD => with::<GotoDefinition>(params, |params| {
                let (document, offset) = self.place(&params.text_document_position_params)?;
                let found = document.symbols().definition(offset);
                Ok(found.map(|found| GotoDefinitionResponse::Scalar(location(document, &found.span))))
            }),
            References::METHOD => with::<References>(params, |params| {
                let (document, offset) = self.place(&params.text_document_position)?;
                let defines = |o: &Occurrence| matches!(o.role, Role::Defines(_));
                let declared = params.context.include_declaration;
                let found = document.symbols().occurrences(offset);
                let found = found.iter().filter(|occurrence| declared || !defines(occurrence));
                Ok(Some(found.map(|occurrence| location(document, &occurrence.span)).collect()))
            }),
            DocumentHighlightRequest::METHOD => with::<DocumentHighlightRequest>(params, |params| {
                let (document, offset) = self.place(&params.text_document_position_params)?;
                let found = document.symbols().occurrences(offset);
                let highlight = |found: Occurrence| DocumentHighlight {
                    range: document.text.range(&found.span),
                    kind: None,
                };
                Ok(Some(found.into_iter().map(highlight).collect()))
            }),
            PrepareRenameRequest::METHOD => with::<PrepareRenameRequest>(params, |params| {
                let (document, offset) = self.place(&params)?;
                let occurrences = document.symbols().renamable(offset).map_err(Refusal::failed)?;
                let here = occurrences.into_iter().find(|o| o.span.start <= offset && offset <= o.span.end);
                Ok(here.map(|here| PrepareRenameResponse::Range(document.text.range(&here.span))))
            }),
            Rename::METHOD => with::<Rename>(params, |params| {
                let (document, offset) = self.place(&params.text_document_position)?;
                let edits = document.symbols().rename(offset, &params.new_name).map_err(Refusal::failed)?;
                let edits = edits
                    .into_iter()
                    .map(|(span, new_text)| TextEdit { range: document.text.range(&span), new_text });
                #[expect(clippy::mutable_key_type, reason = "the protocol's own type")]
                let changes = [(document.uri.clone(), edits.collect())].into_iter().collect();
                Ok(Some(WorkspaceEdit { changes: Some(changes), ..WorkspaceEdit::default() }))
            }),
            DocumentSymbolRequest::METHOD => with::<DocumentSymbolRequest>(params, |params| {
                let document = self.document(&params.text_document.uri)?;
                let symbols = document.symbols().document_symbols(&document.functions);
                Ok(Some(DocumentSymbolResponse::Nested(symbols)))
            }),
            Formatting::METHOD => with::<Formatting>(params, |params| {
                let document = self.document(&params.text_document.uri)?;
                let text = document.text.as_str();
                if text.len() > MAX_DOCUMENT_BYTES {
                    let message =
                        format!("expected at most {MAX_DOCUMENT_BYTES} bytes, found {}", text.len());
                    return Err(Refusal::failed(message));
                }
                let tidy = skep_asm::format(text, "document", &Options::default())
                    .map_err(|error| Refusal::failed(error.to_string()))?;
                if tidy == text {
                    return Ok(None);
                }
                let range = document.text.range(&(0..text.len()));
                Ok(Some(vec![TextEdit { range, new_text: tidy }]))
            }),
            Completion::METHOD => with::<Completion>(params, |params| {
                let (document, offset) = self.place(&params.text_document_position)?;
                let items = completions(&document.symbols(), offset);
                let is_incomplete = items.len() >= MAX_COMPLETIONS;
                Ok(Some(CompletionResponse::List(CompletionList { is_incomplete, items })))
            }),
            method => {
                let message = format!("no request is named `{method}`");
                Err(Refusal { code: ErrorCode::MethodNotFound, message })
            }
        }
    }

    fn document(&mut self, uri: &Uri) -> Result<&mut Document, Refusal> {
        self.documents
            .get_mut(uri.as_str())
            .ok_or_else(|| Refusal::failed(format!("document {} is not open", uri.as_str())))
    }

    /// A document and a byte of it.
    fn place(&mut self, place: &TextDocumentPositionParams) -> Result<(&mut Document, usize), Refusal> {
        let document = self.document(&place.text_document.uri)?;
        let offset = document.text.offset(place.position);
        Ok((document, offset))
    }
}

/// Reads a request's parameters and writes its result.
fn with<R: lsp_types::request::Request>(
    params: Value,
    answer: impl FnOnce(R::Params) -> Result<R::Result, Refusal>,
) -> Result<Value, Refusal> {
    let params = serde_json::from_value(params)
        .map_err(|error| Refusal { code: ErrorCode::InvalidParams, message: error.to_string() })?;
    serde_json::to_value(answer(params)?)
        .map_err(|error| Refusal { code: ErrorCode::InternalError, message: error.to_string() })
}

fn response(id: RequestId, answered: Result<Value, Refusal>) -> Response {
    match answered {
        Ok(result) => Response::new_ok(id, result),
        Err(refusal) => Response::new_err(id, refusal.code as i32, refusal.message),
    }
}

fn location(document: &Document, span: &Range<usize>) -> Location {
    Location::new(document.uri.clone(), document.text.range(span))
}

/// What was found in a document, as its client takes it.
fn diagnostics(document: &Document, related: bool) -> PublishDiagnosticsParams {
    let findings = document.analysis.findings.iter();
    let diagnostics = findings.map(|finding| diagnostic(document, finding, related)).collect();
    PublishDiagnosticsParams::new(document.uri.clone(), diagnostics, Some(document.version))
}

fn diagnostic(document: &Document, finding: &Finding, related: bool) -> Diagnostic {
    let (severity, tags) = match finding.weight {
        Weight::Error => (DiagnosticSeverity::ERROR, None),
        Weight::Information => (DiagnosticSeverity::INFORMATION, None),
        Weight::Unreached => (DiagnosticSeverity::HINT, Some(vec![DiagnosticTag::UNNECESSARY])),
    };
    let mut message = finding.message.clone();
    let mut notes = None;
    if related && !finding.notes.is_empty() {
        let note = |(span, message): &(Range<usize>, String)| DiagnosticRelatedInformation {
            location: location(document, span),
            message: message.clone(),
        };
        notes = Some(finding.notes.iter().map(note).collect());
    } else {
        for (_, note) in finding.notes.iter().filter(|(span, _)| *span == finding.span) {
            message.push('\n');
            message.push_str(note);
        }
    }
    Diagnostic {
        range: document.text.range(&finding.span),
        severity: Some(severity),
        source: Some(finding.source.to_owned()),
        message,
        related_information: notes,
        tags,
        ..Diagnostic::default()
    }
}
