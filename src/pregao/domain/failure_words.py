"""Words in error texts that tell the class of a failure, in English and Portuguese. Texts come in lower case."""

from __future__ import annotations

import re

from pregao.domain.failure import FailureClass

_PAPER = (
    "(?:ticker|symbol|asset|stock|share|fund|company|coin|currency|indicator|series|papel|ativo|a[cç][aã]o|fundo"
    "|empresa|c[oó]digo|s[ií]mbolo|moeda|indicador|s[eé]rie)"
)
_MISSING = (
    "(?:not found|does not exist|doesn't exist|not listed|delisted|is unknown|n[aã]o (?:foi )?encontrad|inexistente"
    "|n[aã]o existe|deslistad)"
)

# In this order: "access denied, please log in" is about the login.
_WORDS: dict[FailureClass, tuple[str, ...]] = {
    FailureClass.RATE_LIMITED: (
        r"too many requests",
        r"\brate[- ]?limit",
        r"quota (?:was |is |has been )?exceeded",
        r"exceeded (?:your|the) (?:current |daily |monthly )?(?:quota|limit)",
        r"\bthrottl",
        r"muitas requisi[cç][oõ]es",
        r"limite de (?:requisi|acess|consult|chamad)",
    ),
    FailureClass.LOGIN: (
        r"session (?:has |is |was )?(?:expired|invalid)",
        r"sess[aã]o (?:expirad|expirou|inv[aá]lid)",
        r"log ?in (?:is )?required",
        r"(?:not logged in|logged out|login failed)",
        r"(?:please|must|need to|have to) (?:log|sign) ?in",
        r"(?:to|the) (?:log|sign) ?in page",
        r"fa[cç]a (?:o )?login",
        r"login (?:necess[aá]rio|obrigat[oó]rio|falhou)",
        r"n[aã]o (?:est[aá] )?(?:logad|autenticad|autorizad)",
        r"cookies? (?:file )?(?:have |has |are |is )?(?:expired|missing|invalid|not found)",
        r"cookies? (?:expirad|vencid|inv[aá]lid|ausent|n[aã]o encontrad)",
        r"\bunauthori[sz]ed\b",
        r"unauthenticated",
        r"authentication (?:is )?(?:required|failed)",
        r"invalid (?:credentials|api key|token)",
        r"credenciais inv",
        r"token (?:has |is )?expired",
    ),
    FailureClass.BLOCKED: (
        r"cloudflare",
        r"captcha",
        r"access (?:was |is |has been )?denied",
        r"acesso (?:negado|bloqueado)",
        r"attention required",
        r"just a moment",
        r"are you (?:a )?(?:human|robot)",
        r"verify (?:that )?you are (?:a )?human",
        r"\bbot (?:check|detection|protection)",
        r"unusual traffic",
        r"\b(?:ip|address|user[- ]agent|request) (?:was |is |has been )?(?:blocked|banned|bloquead)",
        r"you have been blocked",
        r"automated (?:access|requests?|queries)",
        r"incapsula|perimeterx",
        r"\bforbidden\b",
    ),
    FailureClass.NOT_FOUND: (
        rf"\b{_PAPER}\b[^.;:]{{0,60}}?\b{_MISSING}",
        rf"\b(?:unknown|invalid|no such|nonexistent) {_PAPER}\b",
        rf"\b{_PAPER} inv[aá]lid[oa]\b",
        r"\bdelisted\b",
        r"no longer trade",
        r"page not found",
        r"p[aá]gina n[aã]o encontrada",
    ),
    FailureClass.TIMEOUT: (
        r"\btimed?[ -]?out\b",
        r"timeout",
        r"deadline exceeded",
        r"tempo (?:limite|esgotado|de espera)",
    ),
    FailureClass.NETWORK: (
        r"net::err_",
        r"connection (?:was |is |has been |to \S+ )?(?:refused|reset|aborted|closed|lost|broken|error|fail)",
        r"(?:failed|unable|cannot|could not|can't) (?:to )?connect",
        r"connect(?:ion)? call failed",
        r"network (?:is )?(?:error|unreachable|changed)",
        r"name or service not known|name resolution|getaddrinfo|\bdns\b",
        r"no route to host",
        r"server disconnected|remote end closed|broken pipe",
        r"bad gateway|internal server error|service (?:is )?(?:temporarily )?unavailable",
        r"\bssl\b|certificate verify",
        r"conex[aã]o (?:recusad|perdid|encerrad|falhou)",
        r"(?:falha|erro) (?:de|na) (?:conex|rede)",
        r"servi[cç]o indispon",
    ),
}
_PATTERNS = tuple((failure_class, re.compile("|".join(words))) for failure_class, words in _WORDS.items())


def class_of_words(text: str) -> FailureClass | None:
    """The class that a text in lower case names; None when it names none.

    >>> class_of_words("the session has expired"), class_of_words("element #price not found")
    (<FailureClass.LOGIN: 'login'>, None)
    """
    return next((failure_class for failure_class, pattern in _PATTERNS if pattern.search(text)), None)
