"""What a prompt and its answer are made of: every field that the API reference names, no behaviour.

Names are the API's own, in snake_case; the wire has them in camelCase. A field that is absent is
None (a list of objects: empty). What the API adds later is kept in `extra` (see `structs.py`).
Source: the public reference of the Gemini API and captured traffic of the official SDKs.
"""

from __future__ import annotations

from typing import Any

from gemini_nb.enums import (
    BlockReason,
    FinishReason,
    FunctionCallingMode,
    HarmBlockThreshold,
    HarmCategory,
    HarmProbability,
    MediaResolution,
    Modality,
    SchemaType,
    ThinkingLevel,
)
from gemini_nb.structs import Wire

JSON = Any  # a JSON value that belongs to the person or the service: never renamed, never changed

# ---------------------------------------------------------------------------------- content


class Blob(Wire):
    """Media inside the request. `data` is bytes here and base64 on the wire."""

    mime_type: str | None = None
    data: bytes | None = None
    display_name: str | None = None

    def __repr__(self) -> str:
        return f"Blob(mime_type={self.mime_type!r}, data=<{len(self.data or b''):,} bytes>)"


class FileData(Wire):
    """A file that was uploaded before, by its address."""

    file_uri: str | None = None
    mime_type: str | None = None
    display_name: str | None = None


class FunctionCall(Wire):
    """A call that the model asks for."""

    id: str | None = None
    name: str | None = None
    args: dict[str, JSON] | None = None


class FunctionResponse(Wire):
    """What the call gave."""

    id: str | None = None
    name: str | None = None
    response: dict[str, JSON] | None = None
    will_continue: bool | None = None
    scheduling: str | None = None
    parts: list[JSON] | None = None


class ExecutableCode(Wire):
    """Code that the model wrote and the service ran."""

    id: str | None = None
    language: str | None = None
    code: str | None = None


class CodeExecutionResult(Wire):
    """What that code printed."""

    id: str | None = None
    outcome: str | None = None
    output: str | None = None


class VideoMetadata(Wire):
    """Which stretch of a video to read; offsets as `"12.5s"`, `fps` in frames a second."""

    start_offset: str | None = None
    end_offset: str | None = None
    fps: float | None = None


class Part(Wire):
    """One piece of a Content. `thought_signature` is opaque: it goes back exactly as it came."""

    text: str | None = None
    inline_data: Blob | None = None
    file_data: FileData | None = None
    function_call: FunctionCall | None = None
    function_response: FunctionResponse | None = None
    executable_code: ExecutableCode | None = None
    code_execution_result: CodeExecutionResult | None = None
    thought: bool | None = None
    thought_signature: str | None = None
    video_metadata: VideoMetadata | None = None
    media_resolution: JSON = None
    part_metadata: dict[str, JSON] | None = None


class Content(Wire):
    """One turn: parts, and who says them (`user` or `model`)."""

    role: str | None = None
    parts: list[Part] = []


# ---------------------------------------------------------------------------------- request


class Schema(Wire):
    """The OpenAPI subset that `response_schema` and function parameters use."""

    type: SchemaType | None = None
    format: str | None = None
    title: str | None = None
    description: str | None = None
    nullable: bool | None = None
    enum: list[str] | None = None
    max_items: str | int | None = None
    min_items: str | int | None = None
    properties: dict[str, JSON] | None = None
    required: list[str] | None = None
    min_properties: str | int | None = None
    max_properties: str | int | None = None
    min_length: str | int | None = None
    max_length: str | int | None = None
    pattern: str | None = None
    example: JSON = None
    any_of: list[JSON] | None = None
    property_ordering: list[str] | None = None
    default: JSON = None
    items: JSON = None
    minimum: float | int | None = None
    maximum: float | int | None = None


class FunctionDeclaration(Wire):
    """A function that the model may call."""

    name: str | None = None
    description: str | None = None
    behavior: str | None = None
    parameters: Schema | None = None
    parameters_json_schema: JSON = None
    response: Schema | None = None
    response_json_schema: JSON = None


class Tool(Wire):
    """What the model may use besides its weights."""

    function_declarations: list[FunctionDeclaration] = []
    google_search: dict[str, JSON] | None = None
    google_search_retrieval: dict[str, JSON] | None = None
    code_execution: dict[str, JSON] | None = None
    url_context: dict[str, JSON] | None = None
    file_search: dict[str, JSON] | None = None
    google_maps: dict[str, JSON] | None = None
    computer_use: dict[str, JSON] | None = None
    mcp_servers: list[JSON] | None = None


class FunctionCallingConfig(Wire):
    """Whether, and which, functions the model must call."""

    mode: FunctionCallingMode | None = None
    allowed_function_names: list[str] | None = None


class ToolConfig(Wire):
    """How the tools of a request are used."""

    function_calling_config: FunctionCallingConfig | None = None
    retrieval_config: dict[str, JSON] | None = None
    include_server_side_tool_invocations: bool | None = None


class SafetySetting(Wire):
    """From which probability on a category of harm is blocked."""

    category: HarmCategory | None = None
    threshold: HarmBlockThreshold | None = None


class ThinkingConfig(Wire):
    """How much to think: a level or a budget in tokens, never both (the API answers 400)."""

    include_thoughts: bool | None = None
    thinking_budget: int | None = None
    thinking_level: ThinkingLevel | None = None


class PrebuiltVoiceConfig(Wire):
    """A voice by its name."""

    voice_name: str | None = None


class VoiceConfig(Wire):
    """Which voice speaks."""

    prebuilt_voice_config: PrebuiltVoiceConfig | None = None


class SpeakerVoiceConfig(Wire):
    """The voice of one speaker."""

    speaker: str | None = None
    voice_config: VoiceConfig | None = None


class MultiSpeakerVoiceConfig(Wire):
    """The voices of a dialogue."""

    speaker_voice_configs: list[SpeakerVoiceConfig] = []


class SpeechConfig(Wire):
    """How an answer is spoken."""

    voice_config: VoiceConfig | None = None
    multi_speaker_voice_config: MultiSpeakerVoiceConfig | None = None
    language_code: str | None = None


class GenerationConfig(Wire):
    """How an answer is made. Every field is optional; the model's own default stands in."""

    candidate_count: int | None = None
    stop_sequences: list[str] | None = None
    max_output_tokens: int | None = None
    temperature: float | int | None = None
    top_p: float | int | None = None
    top_k: float | int | None = None
    seed: int | None = None
    presence_penalty: float | int | None = None
    frequency_penalty: float | int | None = None
    response_mime_type: str | None = None
    response_schema: Schema | None = None
    response_json_schema: JSON = None
    response_logprobs: bool | None = None
    logprobs: int | None = None
    response_modalities: list[Modality] | None = None
    speech_config: SpeechConfig | None = None
    thinking_config: ThinkingConfig | None = None
    image_config: dict[str, JSON] | None = None
    media_resolution: MediaResolution | None = None
    enable_enhanced_civic_answers: bool | None = None
    audio_transcription_config: dict[str, JSON] | None = None


class GenerateContentRequest(Wire):
    """The body of `:generateContent`; `model` is inside only where the request is nested."""

    model: str | None = None
    contents: list[Content] = []
    system_instruction: Content | None = None
    tools: list[Tool] = []
    tool_config: ToolConfig | None = None
    safety_settings: list[SafetySetting] = []
    generation_config: GenerationConfig | None = None
    cached_content: str | None = None
    service_tier: str | None = None
    store: bool | None = None


class CountTokensRequest(Wire):
    """Contents alone, or the whole request: then system instruction and tools count too."""

    contents: list[Content] = []
    generate_content_request: GenerateContentRequest | None = None


# ---------------------------------------------------------------------------------- response


class SafetyRating(Wire):
    """How probable a kind of harm is, as the service sees it."""

    category: HarmCategory | None = None
    probability: HarmProbability | None = None
    probability_score: float | int | None = None
    severity: str | None = None
    severity_score: float | int | None = None
    blocked: bool | None = None


class PromptFeedback(Wire):
    """Why a prompt was not answered."""

    block_reason: BlockReason | None = None
    block_reason_message: str | None = None
    safety_ratings: list[SafetyRating] = []


class ModalityTokenCount(Wire):
    """Tokens of one modality."""

    modality: Modality | None = None
    token_count: int | None = None


class UsageMetadata(Wire):
    """Tokens that were used, as the service counts them."""

    prompt_token_count: int | None = None
    cached_content_token_count: int | None = None
    candidates_token_count: int | None = None
    tool_use_prompt_token_count: int | None = None
    thoughts_token_count: int | None = None
    total_token_count: int | None = None
    prompt_tokens_details: list[ModalityTokenCount] = []
    cache_tokens_details: list[ModalityTokenCount] = []
    candidates_tokens_details: list[ModalityTokenCount] = []
    tool_use_prompt_tokens_details: list[ModalityTokenCount] = []
    service_tier: str | None = None


class Candidate(Wire):
    """One answer of possibly several."""

    index: int | None = None
    content: Content | None = None
    finish_reason: FinishReason | None = None
    finish_message: str | None = None
    safety_ratings: list[SafetyRating] = []
    citation_metadata: dict[str, JSON] | None = None
    token_count: int | None = None
    grounding_attributions: list[JSON] | None = None
    grounding_metadata: dict[str, JSON] | None = None
    avg_logprobs: float | int | None = None
    logprobs_result: dict[str, JSON] | None = None
    url_context_metadata: dict[str, JSON] | None = None


class GenerateContentResponse(Wire):
    """One answer, or one piece of a streamed one."""

    candidates: list[Candidate] = []
    prompt_feedback: PromptFeedback | None = None
    usage_metadata: UsageMetadata | None = None
    model_version: str | None = None
    response_id: str | None = None
    model_status: dict[str, JSON] | None = None
    create_time: str | None = None


class CountTokensResponse(Wire):
    """How many tokens a prompt has."""

    total_tokens: int | None = None
    cached_content_token_count: int | None = None
    prompt_tokens_details: list[ModalityTokenCount] = []
    cache_tokens_details: list[ModalityTokenCount] = []
