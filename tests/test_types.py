"""The types hold the fields that the API names."""

from __future__ import annotations

import pytest

from gemini_nb import enums, structs, types

# From the public reference of the API, each field by its name on the wire.
REFERENCE = {
    "GenerateContentRequest": (
        "model contents systemInstruction tools toolConfig safetySettings generationConfig"
        " cachedContent serviceTier store"
    ),
    "GenerationConfig": (
        "candidateCount stopSequences maxOutputTokens temperature topP topK seed presencePenalty"
        " frequencyPenalty responseMimeType responseSchema responseJsonSchema responseLogprobs"
        " logprobs responseModalities speechConfig thinkingConfig imageConfig mediaResolution"
        " enableEnhancedCivicAnswers audioTranscriptionConfig"
    ),
    "Part": (
        "text inlineData fileData functionCall functionResponse executableCode"
        " codeExecutionResult thought thoughtSignature videoMetadata mediaResolution partMetadata"
    ),
    "Tool": (
        "functionDeclarations googleSearch codeExecution urlContext fileSearch googleMaps"
        " computerUse mcpServers"
    ),
    "ToolConfig": "functionCallingConfig retrievalConfig",
    "GenerateContentResponse": (
        "candidates promptFeedback usageMetadata modelVersion responseId modelStatus"
    ),
    "Candidate": (
        "index content finishReason finishMessage safetyRatings citationMetadata tokenCount"
        " groundingMetadata avgLogprobs logprobsResult urlContextMetadata"
    ),
    "UsageMetadata": (
        "promptTokenCount cachedContentTokenCount candidatesTokenCount toolUsePromptTokenCount"
        " thoughtsTokenCount totalTokenCount promptTokensDetails cacheTokensDetails"
        " candidatesTokensDetails toolUsePromptTokensDetails"
    ),
    "CountTokensRequest": "contents generateContentRequest",
    "CountTokensResponse": (
        "totalTokens cachedContentTokenCount promptTokensDetails cacheTokensDetails"
    ),
    "ThinkingConfig": "includeThoughts thinkingBudget thinkingLevel",
    "EmbedContentRequest": "model content taskType title outputDimensionality",
    "EmbedContentResponse": "embedding usageMetadata",
    "ContentEmbedding": "values",
    "BatchEmbedContentsRequest": "model requests",
    "BatchEmbedContentsResponse": "embeddings usageMetadata",
    "CachedContent": (
        "name displayName model contents systemInstruction tools toolConfig ttl expireTime"
        " createTime updateTime usageMetadata"
    ),
    "CachedContentUsageMetadata": "totalTokenCount",
    "ListCachedContentsResponse": "cachedContents nextPageToken",
    "GenerateContentBatch": (
        "name displayName model inputConfig output createTime updateTime endTime batchStats state"
        " priority"
    ),
    "BatchGenerateContentRequest": "batch",
    "InputConfig": "fileName requests",
    "InlinedRequests": "requests",
    "InlinedRequest": "request metadata",
    "BatchOutput": "responsesFile inlinedResponses",
    "InlinedResponses": "inlinedResponses",
    "InlinedResponse": "metadata response error",
    "BatchStats": ("requestCount successfulRequestCount failedRequestCount pendingRequestCount"),
    "BatchLine": "key request response error",
    "Operation": "name metadata done response error",
    "Status": "code message status details",
    "ListBatchesResponse": "operations nextPageToken",
}


@pytest.mark.parametrize("name", REFERENCE)
def test_every_field_of_the_reference_is_there(name):
    """No field that the reference names ends among the unknown ones."""
    missing = set(REFERENCE[name].split()) - set(structs._fields(getattr(types, name)))
    assert not missing


def test_media_is_shown_by_its_size():
    """The repr of a Blob holds no bytes, wherever the Blob sits."""
    part = types.Part(inline_data=types.Blob(mime_type="image/png", data=b"\x89" * 12_345))
    assert repr(part) == "Part(inline_data=Blob(mime_type='image/png', data=<12,345 bytes>))"
    assert repr(types.Blob()) == "Blob(mime_type=None, data=<0 bytes>)"


def test_defaults_are_not_shared():
    """Two objects never hold the same list."""
    first, second = types.Content(), types.Content()
    first.parts.append(types.Part(text="a"))
    assert second.parts == []


@pytest.mark.parametrize(
    "name",
    ["FinishReason", "BlockReason", "HarmCategory", "ThinkingLevel", "TaskType", "BatchState"],
)
def test_members_are_their_own_names(name):
    """Every member of an enumeration is written on the wire as it is called."""
    members = getattr(enums, name).__members__
    assert members
    assert all(member == key for key, member in members.items())


def test_harm_enums_are_where_the_first_documentation_has_them():
    """`genai.types.HarmCategory` and its threshold can be used."""
    setting = types.SafetySetting(
        category=types.HarmCategory.HARM_CATEGORY_HARASSMENT,
        threshold=types.HarmBlockThreshold.BLOCK_NONE,
    )
    assert setting.to_dict() == {
        "category": "HARM_CATEGORY_HARASSMENT",
        "threshold": "BLOCK_NONE",
    }
