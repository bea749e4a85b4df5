"""The injection rules: each with an id, the reason it exists, what it weighs, and words of which one must be there.

Patterns run on folded text (lower case, no accents, look-alikes resolved). A rule alone flags a message when its score
reaches the policy's threshold; weaker ones add up as independent evidence. Bounded quantifiers only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """One reviewable reason to take a text for an attack on the assistant."""

    id: str
    reason: str
    score: float
    needs: frozenset[str]
    """The rule is tried only when one of these words is in the text; empty means always."""
    pattern: re.Pattern[str]


_INDENT = " " * 8
"""Patterns run over several lines; a further leading blank belongs to the pattern."""


def _rule(id_: str, reason: str, score: float, needs: str, pattern: str) -> Rule:
    compact = "".join(line.removeprefix(_INDENT) for line in pattern.splitlines())
    return Rule(id_, reason, score, frozenset(needs.split()), re.compile(compact))


_BOT = r"(?:chat ?gpt|gpt(?:-?\d)?|ai|a\.i\.|llm|bot|chatbot|assistant|language model|model|system)"
_WORD = r"(?:[^\W_]{1,24}+[^\w.!?]{1,3}+)"
_PRIOR = (
    r"(?:all|any|every|everything|of|the|your|my|these|those|this|that|to|previous(?:ly)?|prior|preceding|past|above|earlier|"
    r"former|foregoing|initial|original|existing|current|given|old|other|system|developer|core|safety|content|ethical|internal|"
    r"programmed|built-in|and|or|just|ai|openai|you|were|have|been|had|what|whatever|moral|context|security)"
)
_ORDERS = (
    r"(?:instructions?|instrucitons?|directions|directives?|prompts?|rules|guidelines?|guidance|commands?|programming|"
    r"constraints?|restrictions?|safeguards?|guardrails?|filters?|training|policies|protocols?|limitations?)"
)

RULES: tuple[Rule, ...] = (
    # --- override -----------------------------------------------------------------------------------------------
    _rule(
        "override.en", "asks to set earlier instructions aside", 0.95,
        "ignore ignoring disregard forget overlook override bypass discard neglect dismiss abandon drop erase unfollow "
        "disobey violate break skip cancel void suspend",
        rf"""\b(?:ignor(?:e|ing)|disregard(?:ing)?|forget|overlook|overrid(?:e|ing)|bypass|discard|neglect|dismiss|abandon|drop
        |erase|disobey|violate|break|skip|cancel|void|suspend)[ ,:]{{1,3}}(?:about )?(?:{_PRIOR} ){{1,6}}{_ORDERS}\b
        (?! (?:i|we|he|she) (?:gave|sent|left|wrote|put)| (?:for|about|on|regarding) (?:the |my |your )?(?:delivery|courier|
        driver|parcel|package|assembly|setup|use|washing|return))""",
    ),
    _rule(
        "override.bare", "says that earlier instructions no longer count", 0.8,
        "instructions rules prompt guidelines restrictions everything",
        rf"""\b(?:(?:do not|don'?t|stop|no longer|never) (?:follow|obey|adhere to|comply with|listen to)(?:ing)? (?:{_PRIOR} ){{1,5}}{_ORDERS}
        |(?:forget|ignore|disregard) (?:everything|anything|all)(?: that)? (?:you|i|we|that|above|before|said|was|has|have|prior|
        previous|they|learned)\b|(?:above|previous|prior) (?:instructions?|rules|prompts?) (?:are|is|were) (?:now )?(?:void|wrong|
        cancell?ed|obsolete|a test|fake|not)
        |you (?:no longer have|have no|don'?t have(?: any)?|are free (?:of|from)|are not bound by) (?:any )?{_ORDERS}
        |(?:forget|ignore|disregard) (?:the |all |any )?(?:above|previous|prior)\b(?: text| content| conversation| context)?[.,:;!\n])""",
    ),
    _rule(
        "override.new", "announces new instructions of its own", 0.75, "instructions instruction task directive mission",
        r"""(?:\bnew (?:system )?instructions?\b[ *:\])]{1,6}|\b(?:your|here are|these are|follow) (?:your |the |my )?(?:new|real|actual|true|
        updated|following special) (?:instructions?|task|directive|mission|objective)s?\b|\byour (?:new |only |main )?(?:task|job|mission|
        directive|purpose) (?:now )?is (?:now )?to\b(?=[^.]{0,80}\b(?:reply|respond|answer|act|write|print|output|say)))""",
    ),
    _rule(
        "override.es", "the same in Spanish", 0.95, "ignora ignore ignorad olvida olvide olvidate omite omita desobedece anula",
        r"""\b(?:ignor[ae]d?|olvid[ae](?:te|se)?|omit[ae]|desobedece|anul[ae]|desestima)(?: de)? (?:todas?|todos|las?|los|tus|sus|cualquier|tu|su|el)
        (?: [a-z]{1,12}){0,2}? (?:instruccion(?:es)?|indicaciones|reglas|ordenes|directrices|directivas|restricciones|prompt|normas)
        (?! (?:de|del|para) (?:la )?(?:entrega|envio|repartidor|lavado|montaje))""",
    ),
    _rule(
        "override.fr", "the same in French", 0.95, "ignore ignorez ignorer oublie oubliez oublier",
        r"""\b(?:ignor(?:e|ez|er)|oubli(?:e|ez|er)|outrepasse[rz]?|contourne[rz]?|fais abstraction de|ne (?:tiens|tenez) pas compte de)
        (?: (?:toutes?|tous|les?|la|l'|tes|vos|mes|de|des|ces|tout)){1,3}(?: [a-z]{1,14}){0,2}? ?
        (?:instructions?|consignes?|directives?|regles?|ordres?|restrictions?|prompt)(?! (?:de|pour|du) (?:la )?(?:livraison|lavage|montage|livreur))""",
    ),
    _rule(
        "override.de", "the same in German", 0.95, "ignoriere ignorier ignorieren vergiss vergessen missachte umgehe uberschreibe",
        r"""\b(?:ignorier(?:e|en)?|vergiss|vergessen|missachte|umgehe|uberschreibe|setze)(?: (?:sie|bitte|nun|jetzt|mal)){0,2}
        (?: (?:alle|alles|die|deine|ihre|meine|samtliche|jede|den|das|dein|ihr|vorherigen?|bisherigen?|obigen?|fruheren?|vorigen?|bisherige|
        ursprunglichen?|internen?|vorangegangenen?|gegebenen?|was)){1,4}(?: [a-z]{1,14}){0,1}?
        (?: )?(?:anweisung(?:en)?|instruktion(?:en)?|regeln?|vorgaben|richtlinien|befehle?|einschrankungen|system-?prompt|prompts?|aufgaben)\b""",
    ),
    _rule(
        "override.pt", "the same in Portuguese", 0.95, "ignore ignora ignorar esqueca esquece esqueça desconsidere desconsidera",
        r"""\b(?:ignor[ae]r?|esque[cs](?:a|e)(?:-se)?|desconsider[ae])(?: (?:de|todas?|todos|as?|os?|suas?|seus?|tuas?|das|qualquer|quaisquer)){1,3}
        (?: [a-z]{1,12}){0,2}? ?(?:instruc(?:oes|ao)|regras|ordens|diretrizes|orientacoes|restricoes|comandos|prompt)
        (?! (?:de|do|da|para) (?:a )?(?:entrega|envio|lavagem|montagem))""",
    ),
    _rule(
        "override.it", "the same in Italian", 0.95, "ignora ignori ignorate dimentica dimentichi trascura scorda",
        r"""\b(?:ignor(?:a|i|ate)|dimentic(?:a|hi|ate)|trascura|scorda|non (?:seguire|considerare))(?: (?:tutte?|tutti|le|la|i|gli|tue|tuoi|sue|
        qualsiasi|ogni|quelle)){1,3}(?: [a-z]{1,12}){0,2}? (?:istruzion[ei]|regol[ae]|direttiv[ae]|indicazioni|ordini precedenti|restrizioni|prompt)
        (?! (?:di|per) (?:la )?(?:consegna|lavaggio|montaggio|spedizione))""",
    ),
    _rule(
        "override.nl", "the same in Dutch", 0.95, "negeer vergeet",
        r"""\b(?:negeer|vergeet|omzeil|sla)(?: (?:al|alle|de|je|jouw|uw|mijn|deze|die|eerdere|vorige|bovenstaande|gegeven)){1,4}
        (?: [a-z]{1,14}){0,1}? ?(?:instructies?|regels|opdrachten|aanwijzingen|richtlijnen|beperkingen|prompts?)\b(?! voor de bezorg)""",
    ),
    _rule(
        "override.east", "the same in Polish, Russian, Turkish, Czech, Swedish, Chinese, Japanese, Korean, Arabic, Hindi", 0.9, "",
        r"""(?:zignoruj (?:wszystkie )?(?:poprzednie|wczesniejsze) (?:instrukcje|polecenia)|(?:игнорируи|забудь)(?:те)? (?:все )?(?:[а-я]{1,14} ){0,2}(?:
        инструкции|указания|правила)|onceki (?:tum )?(?:talimatlari|komutlari) (?:yok ?say|goz ardi|unut)|ignorera (?:alla )?(?:tidigare|foregaende)
         instruktioner|ignoruj (?:vsechny )?(?:predchozi|vsechny) (?:pokyny|instrukce)|忽略(?:之前|以上|前面|所有|先前|上述)|无视(?:之前|以上|所有)|
        (?:以前|これまで|上記)の(?:すべての)?指示を(?:無視|忘れ)|이전(?:의)? (?:모든 )?지시(?:를|사항)|تجاهل (?:جميع )?(?:التعليمات|كل)|पिछले (?:सभी )?निर्देशों)""",
    ),
    # --- prompt extraction --------------------------------------------------------------------------------------
    _rule(
        "extract.prompt", "asks for the system prompt", 0.95, "prompt prompts message messages instruction instructions configuration directive directives",
        rf"""\b(?:reveal|show|print|display|output|repeat|give|tell|paste|share|send|leak|dump|expose|disclose|return|write|recite|list|provide|
        summari[sz]e|translate|encode|copy|see|read|what(?:'?s| is| are| was| were)|type|include|append|attach|describe|need|want|get|echo|spell)
        \b[^.?!\n]{{0,50}}?(?:\b(?:system|initial|original|hidden|secret|developer|pre-?|base|first|internal|startup|starting|opening)
         ?(?:prompts?|messages?|instructions?|configuration|directives?)\b)(?! (?:for|to) (?:assembl|install|use))""",
    ),
    _rule(
        "extract.your", "asks what the assistant was told", 0.8, "your you",
        rf"""(?:\b(?:reveal|show|print|display|output|repeat|tell|paste|share|leak|dump|expose|disclose|recite|list|translate|encode|echo|what(?:'?s| is|
         are| were))\b(?: (?:me|us|out|to))?(?: (?:all|exactly|verbatim|of|the|full|entire|complete|exact)){{0,4}} your (?:[a-z]{{1,14}} ){{0,2}}?
        (?:instructions?|prompts?|rules|guidelines|directives?|programming|configuration|system message|constraints|unique id|secret key|api key|password)
        |\b(?:instructions?|rules|prompt|text|directives?|guidelines) (?:that )?(?:you (?:were|have been|got|are|had been) (?:given|told|provided|fed|received|
        operating)|given to you|you received|you (?:follow|operate under))|\bwhat (?:were you|have you been|did they|are you) (?:told|instructed|tell you|not
         supposed to (?:tell|say|share|reveal))|\byour (?:system|initial|hidden|secret|original|developer) (?:prompts?|instructions?|messages?)\b
        |\byour unique id\b)""",
    ),
    _rule(
        "extract.above", "asks to repeat the text before the conversation", 0.9,
        "above everything words conversation text begins starting starts beginning begin",
        r"""(?:\b(?:repeat|print|output|copy|paste|echo|recite|show|display|write|encode|spell|return|summari[sz]e|translate)\b[^.?!\n]{0,40}?\b(?:everything|all|
        text|words?|content|message|lines?|sentences?|what(?:ever)? (?:is|was|you see))\b[^.?!\n]{0,30}?\b(?:above|before (?:this|the|my|our)|prior to this|
        preceding this|verbatim)\b|(?:begin|start)(?:ning|ing|s)?(?: with| from| at)? ?:? ?['"`(\[]{0,2}you are\b|line by line on what you see above)""",
    ),
    _rule(
        "extract.es", "the same in Spanish, Portuguese, Italian", 0.9, "prompt sistema instrucciones instrucoes istruzioni",
        r"""\b(?:muestra(?:me)?|muestrame|revela(?:me)?|dime|repite|imprime|ensename|dame|mostre|mostra(?:-me|mi)?|revele|repita|diga|imprima|mostrami|rivela(?:mi)?|
        dimmi|ripeti|stampa|cuales son|quais sao|quali sono|cual es|qual e)\b[^.?!\n]{0,40}?\b(?:prompt (?:de |do |di )?sistema|prompt inicial|system prompt|
        mensaje (?:de|del) sistema|messaggio di sistema|mensagem (?:de|do) sistema|(?:tus|tu|suas|tuas|seu|tue|le tue|sus) (?:[a-z]{1,12} )?
        (?:instrucciones|instrucoes|istruzioni|prompt|reglas|regras|regole|directrices)|(?:instrucciones|instrucoes|istruzioni) (?:ocultas|secretas|
        iniciales|iniciais|iniziali|segrete|nascoste|del sistema|originales))""",
    ),
    _rule(
        "extract.fr", "the same in French, German, Dutch", 0.9,
        "prompt systeme instructions consignes anweisungen systemprompt instructies regeln systeemprompt systemanweisungen",
        r"""\b(?:montre(?:-moi|z-moi)?|affiche[rz]?|revele[rz]?|repete[rz]?|donne-moi|dis-moi|quelles sont|quel est|zeig(?:e|en)?|nenn(?:e|en)?|
        wiederhol(?:e|en)?|gib|gebe|verrat(?:e|en)?|drucke|was (?:ist|sind|steht)|wie lauten|toon|laat|herhaal|geef|onthul|wat (?:zijn|is))\b[^.?!\n]{0,40}?\b
        (?:prompt (?:systeme?|initial)|invite systeme|system-?prompt|systeemprompt|systemnachricht|systemanweisung(?:en)?|(?:tes|vos|deine|ihre|je|jouw|
        deiner|ihrer) (?:[a-z]{1,14} )?(?:instructions?|consignes|directives|regles|anweisungen|instruktionen|regeln|vorgaben|prompts?|instructies|richtlijnen)
        |(?:instructions|consignes) (?:initiales|cachees|secretes|systeme))""",
    ),
    # --- role play and jailbreak personas -----------------------------------------------------------------------
    _rule(
        "persona.now", "gives the assistant another identity", 0.6, "you your",
        rf"""(?:\byou(?:'?re| are| will be| shall be| must be)? (?:now |going to )?(?:act(?:ing)? as|pretend(?:ing)? to be|roleplay(?:ing)?|role-play(?:ing)?|simulat(?:e|ing)|
        embody(?:ing)?|play(?:ing)? the (?:role|part) of|operating (?:as|in|under)|becom(?:e|ing)|emulat(?:e|ing)|impersonat(?:e|ing))\b
        |\byou are now (?!(?:my|in|the|our|able|ready|logged|connected|saying|telling|asking|charging|late|out)\b)|\byou'?re now (?:a|an|the) |\bfrom now on,? you(?:'?re| are|
         will| must| shall|r)\b|\byou are no longer\b|\b(?:you|your) (?:are|role is) (?:a|an) (?:[a-z\-]{{1,20}} ){{0,4}}{_BOT}\b|\btake on the (?:role|persona))""",
    ),
    _rule(
        "persona.ask", "asks the assistant to play somebody", 0.45,
        "act pretend roleplay role simulate imagine character persona embody play respond answer",
        r"""(?:(?:^|[.!?:;\n"(]|\b(?:please|to|will|must|should|can|now|want|need|and)) {0,2}(?:you to )?(?:act (?:as|like)|pretend (?:to be|that you|you(?:'re| are)|you)|roleplay|role-play|role play|
        simulate|emulate|impersonate|imagine (?:you|that you)|behave (?:as|like)|assume the (?:role|identity|persona)|play the (?:role|part|character))\b
        |\brespond (?:only )?as\b|\banswer (?:only )?as\b|\bspeak (?:only )?(?:as|like) (?:a|an|the)\b|\bin character\b|\bout of character\b|\byour persona\b
        |\breply (?:only )?(?:with|in|as) (?:the|a|one|inside)\b|\bstay in\b)""",
    ),
    _rule(
        "jailbreak.name", "uses a known jailbreak persona or mode", 0.9,
        "dan dans stan dude aim devmode jailbreak jailbroken jailbreaking developer godmode betterdan evilbot mongo evil unrestricted mode do omega kevin "
        "anti antigpt uncensored unfiltered",
        r"""(?:\b(?:do anything now|jail ?brok(?:e|en)|betterdan|devmode|godmode|evil-?bot|anti-?gpt|mongo ?tom|ucar|niccolo machiavelli|strive to avoid norms)\b
        |\b(?:developer|dev|debug|god|admin|maintenance|unrestricted|sudo|dan|jailbreak|root|no[- ]limits?|opposite|unfiltered|uncensored) mode\b
        (?! on (?:my|the|an) (?:phone|tv|router|device|printer|machine|camera))|\b(?:as|be|called|named|act like|you are|i am|play|hi|hello|hey|mode) ["'“]?(?:dan|stan|dude|aim)\b["'”]?
        (?: |[,.:!]|$)|\bdan (?:mode|can|will|is|has|does|doesn't|would)\b|(?:\[|\()[^\]\)\n]{0,3}(?:jailbreak|dan|aim|classic)\]?:|\bno limits ai\b|\bjailbreak\b(?= ?[:\]!]))""",
    ),
    _rule(
        "jailbreak.free", "says the assistant has no limits", 0.6,
        "restrictions limits limitations rules filters filter ethics ethical moral morals morality censorship uncensored unfiltered amoral immoral policy policies guidelines laws "
        "limitation boundaries constraints illegal unethical unrestricted law confines safety",
        r"""(?:\b(?:without|no|free (?:from|of)|freed from|not (?:bound|limited|restricted|constrained)(?: by)?|ignor(?:e|es|ing)|bypass(?:es|ing)?|broken? free of|break free of|beyond|
        disregard(?:s|ing)?|unbound by|lacks?|devoid of|removed?|never|regardless of|any)(?: (?:any|all|the|its|your|his|her|of|typical|usual|of the|openai'?s?|these|such|ai|legal)){0,4}
        (?: [a-z]{1,14},?){0,3}? (?:restrictions?|limits|limitations?|rules|filters?|ethics|ethical (?:or|and|guidelines|constraints|boundaries|concerns|principles)|morals?|morality|censorship|
        boundaries|constraints?|guidelines|content polic(?:y|ies)|safety (?:protocols?|measures|guidelines)|legality|laws?)\b
        |\b(?:uncensored|unfiltered|amoral|immoral|unethical|unrestricted)\b|\b(?:illegal|unethical|immoral)(?:,| or| and) (?:unethical|immoral|illegal|harmful|dangerous|toxic|offensive))""",
    ),
    _rule(
        "jailbreak.never", "forbids the assistant to refuse", 0.6,
        "refuse refuses never decline reject deny cannot can't warn warning apologize apologise disclaimers disclaimer warnings sorry",
        r"""\b(?:never|not|don'?t|cannot|can'?t|won'?t|must not|without|no|nor|avoid|any|always)\b(?: [a-z']{1,14},?){0,5}? (?:refus(?:e|es|al|ing)|declin(?:e|es|ing)|reject(?:s|ing)?|deny|denies|
        apologi[sz](?:e|es|ing)|disclaimers?|moraliz\w{1,6}|lectur\w{1,4}|say(?:ing)? (?:no|you can'?t|that you can'?t|"?i can'?t|"?i'?m sorry|"?sorry|"?i cannot)|break character|as an ai|
        answer every|comply with every)\b|\byou (?:can|must|will|should) (?:answer|say|do|write|generate|respond to) (?:anything|everything|any|all)\b|\bstay (?:as|in (?:character|dan|role))\b
        |\bnever (?:say|use|respond|reply|mention|include|deny)\b|\bas an ai (?:language )?model\b""",
    ),
    _rule(
        "jailbreak.ai", "talks about the assistant's maker and its policy", 0.5,
        "openai chatgpt gpt gpt3 gpt4 chatbot llm anthropic",
        r"""\b(?:openai'?s?|chat ?gpt(?:'s)?|gpt-?[345]?|anthropic'?s?|llm)\b""",
    ),
    _rule(
        "jailbreak.fiction", "wraps the request in a made-up frame", 0.45,
        "fictional hypothetical hypothetically scenario fiction story game imaginary universe roleplay novel character characters",
        r"""\b(?:hypothetical(?:ly)?|fictional|imaginary)(?: [a-z]{1,12}){0,2}? (?:response|scenario|story|world|character|dialogue|game|conversation|universe|setting|situation)\b
        |\b(?:this is|for) (?:a |just a |only a |purely )?(?:fiction(?:al)?|game|roleplay|hypothetical)\b|\blet'?s (?:play|roleplay|act out|imagine|begin|start)\b|\bwrite (?:a|me a) (?:story|dialogue|scene|script|
        conversation) (?:in which|where|between|about)|\bthe characters?\b""",
    ),
    _rule(
        "jailbreak.format", "dictates how every answer must look", 0.45,
        "respond response responses reply answer answers prompt message messages question output",
        r"""(?:\b(?:start|begin|prefix|end|tag)(?:ing|s)? (?:all|every|each|your|the)(?: of your)? (?:[a-z]{1,10} )?(?:responses?|answers?|messages?|repl(?:y|ies)|sentences?|outputs?)\b|\b(?:all|each|every|your|both|two)
         (?:[a-z]{1,10} )?(?:responses?|answers?|repl(?:y|ies)|messages?) (?:should|must|will|shall|has to|have to|is|are)(?: [a-z]{1,12}){0,2}? (?:be|start|begin|contain|include|with|in|as|at least)\b
        |\bmy first (?:prompt|question|request|query|message|command|input|task|suggestion|sentence|order)\b(?! (?:was|has|is not|never|came|arrived))|\brespond (?:in|with) (?:two|both|only|exactly)|\bif you understand\b|\b(?:respond|reply|answer) (?:only )?with ["'“*]
        |\bi want you to (?:act|respond|reply|be|pretend|answer|become|write|ignore|play|only)|\bprompt:|\[(?:prompt|insert|user|your|target)[^\]\n]{0,40}\]|\{(?:prompt|insert|user)[^}\n]{0,30}\}|\bfirst (?:prompt|question)(?: is)?:)""",
    ),
    # --- forged delimiters, tool calls, policies ----------------------------------------------------------------
    _rule(
        "forge.token", "forges chat-template or role delimiters", 0.95, "",
        r"""(?:<\|(?:im_start|im_end|system|user|assistant|endoftext|start_header_id|eot_id|end|begin_of_text)[^>\n]{0,20}\|?>|\[/?(?:inst|sys)\]|<</?sys>>|</?(?:system|system_prompt|assistant|developer|instructions?|
        admin|sudo|user_query|important|document|context|secret)(?:[ _-][a-z_]{1,20})?>|###+ ?(?:system|instructions?|assistant|new instructions?|human|user|response|end)\b ?:?|(?:^|\n) {0,3}(?:#|\*|\[){0,3}
        (?:system|assistant|developer|admin(?:istrator)?)(?: (?:message|prompt|override|note|notice|instruction|update|command))?(?:\*|\]){0,3} {0,2}: |\[(?:system|admin|developer|sudo|override)[^\]\n]{0,30}\]|
        (?:-{3,}|={3,}|#{3,}) {0,2}(?:end|begin|start)(?: of)?(?: the)? (?:system|user|prompt|input|context|instructions?|query|document|conversation)|(?:system|admin) override\b)""",
    ),
    _rule(
        "forge.tool", "forges a tool call or its result", 0.95,
        "getorder getorders getordersbycustomer searchproducts getproduct handofftohuman function_call tool_call tool_calls tool function call name arguments tool_result",
        r"""(?:\b(?:getorders?bycustomer|getorder|searchproducts|getproduct|handofftohuman) ?[({]|["']?(?:function_call|tool_calls?|tool_use|tool_result|recipient_name)["']? ?[:>{=]|<(?:/)?(?:tool|function)[_-]?(?:call|result|use)?s?[> ]
        |\{ ?["']name["'] ?: ?["'][a-z_]{2,30}["'] ?, ?["'](?:arguments|parameters)["']|\b(?:call|invoke|execute|run|use) (?:the )?(?:tool |function |getorder|searchproducts)[^.\n]{0,30}(?:with|for|on)(?: the)? (?:email|customer|partner|order))""",
    ),
    _rule(
        "forge.policy", "poses as configuration that changes the rules", 0.85,
        "interaction blocked policy config allowed role mode rules",
        r"""(?:<(?:interaction|blocked|allowed|override|policy|config)[-_ ][a-z\-_ ]{2,30}>|["'](?:allowed|blocked)[-_](?:responses?|modes?|requests?|strings?)["'] ?:|\b(?:persona|rules|role|mode|restrictions?|filters?|safety|ethics|censorship|jailbreak|uncensored)
         ?= ?["']?(?:\(|unrestricted|admin|god|none|off|false|true|disabled|on|respond|dan|[a-z]{1,20} \()|\b(?:set|switch|enable|activate|enter|turn on) (?:[a-z]{1,12} ){0,2}(?:(?:developer|debug|admin|god|dan|unrestricted|jailbreak|opposite|sudo) mode|uncensored))""",
    ),
    _rule(
        "forge.authority", "claims authority over the assistant", 0.75,
        "developer administrator admin engineer openai creator owner authorized debugging debug diagnostic audit testing creators diagnostics development training",
        r"""(?:\b(?:i am|i'?m|this is|we are|as) (?:your |the |an? |from )?(?:[a-z]{1,10} )?(?:developers?|administrator|creators?|programmer|system admin|openai|prompt engineer)\b[^.\n]{0,60}\b(?:you|your|access|override|
        instructions?|prompt|need|must|order|authorize|test)|\b(?:for|to (?:enable|allow)) (?:debugging|diagnostics?|testing|audit|security|validation)(?: purposes)?,? (?:please )?(?:execute|do the following|follow|print|reveal|output|show|run|
        repeat|carry out|ignore|comply|answer|perform)|\byou are (?:now )?(?:operating |running )?in (?:[a-z]{1,12} )?(?:development|developer|debug|test|maintenance|diagnostic|training|engineering) mode|\bas part of a training exercise\b)""",
    ),
    _rule(
        "forge.exfiltrate", "asks for markup that sends data out", 0.9, "markdown image img src onerror javascript anchor href link string response",
        r"""(?:<(?:img|script|iframe|svg|a|body|link|object|embed)\b[^>\n]{0,120}(?:onerror|onload|javascript:|src ?=|href ?= ?["']?javascript)|!\[[^\]\n]{0,60}\]\((?:https?:|<|\{)|\b(?:include|insert|add|append|render|embed|output)\b[^.\n]{0,60}\b(?:markdown
         image|img tag|html (?:tag|anchor)|following (?:anchor|string|markdown|html|link|image|xss|javascript)))""",
    ),
    _rule(
        "forge.repeat", "dictates filler for the answer", 0.75, "repeat print say output write response answer words",
        r"""\b(?:repeat|print|say|output|write|include|insert|add|append)\b[^.?!\n]{0,60}?(?:\b\d{2,5} times\b|\b(?:at|in|to) the (?:end|beginning|start|bottom|top) of (?:your|the|every|each) (?:response|answer|reply|output|message|summary)|\bforever\b|\bin your (?:response|answer|reply|output)\b|
        \b(?:reverse(?:d)?|base64|rot13|leet ?speak|morse|hex(?:adecimal)?|backwards)\b)""",
    ),
    _rule(
        "forge.special", "slips a condition or task past the real one", 0.75,
        "summarize summarise answering question task instructions text following mistake case mission stop enable asked told sorry",
        r"""(?:\bspecial case\b[^.\n]{0,60}|\b(?:before|after|instead of|while|when) (?:answering|summari[sz]ing|responding|replying|translating|you (?:answer|respond|reply|summari[sz]e))\b[^.?!\n]{0,60}?\b(?:also|first|must|make sure|always|include|say|print|output|ignore|tell|answer|follow|do)\b|\bif you are (?:told|asked|an? (?:ai|llm|bot|assistant|language))
        |\bthe mission, should you (?:choose to )?accept|\bstop everything\b|\bto (?:enable|allow) (?:debugging|validation|testing|verification)\b|\b(?:i'?m sorry|sorry),? i made a mistake (?:when )?(?:giving|in)|\bplease (?:answer|execute|perform|do|follow) (?:this|the following)(?: [a-z]{1,10}){0,2}:
        |\b(?:no|don'?t) (?:talk|mention|tell)[^.\n]{0,20} (?:about )?(?:this|the) (?:prompt|instruction))""",
    ),
    _rule(
        "persona.world", "gives another identity, in other European languages", 0.8,
        "ahora eres actua finge maintenant agis fais tu ab jetzt bist du agora voce ora sei fingi comportati je nu bent doe alsof",
        r"""\b(?:(?:a partir de ahora|ahora) (?:eres|actua|seras)|actua como (?:si|un|una|dan)|finge (?:que eres|ser)|a partir de maintenant,? (?:tu|vous)|tu es (?:maintenant|desormais)|fais(?:-toi)? (?:semblant|passer)|agis comme|ab (?:jetzt|sofort) (?:bist|wirst|antwortest) du|du bist (?:jetzt|nun|ab)|
        tu so,? als (?:ob|warst)|spiele (?:die rolle|einen)|a partir de agora,? (?:voce|tu|es)|agora (?:voce e|es|tu es)|finja (?:que|ser)|aja como|da ora in poi,? (?:sei|tu|agirai)|ora sei|fai finta (?:di|che)|comportati come|vanaf nu ben je|je bent nu|doe (?:alsof|of je))\b""",
    ),
    _rule(
        "forge.heading", "puts a task of its own under a heading", 0.75,
        "instructions instruction task procedure directive mission",
        r"""(?:^|\n)[^\w\n]{0,6}(?:(?:new|urgent|important|priority|special|critical|experimental|updated|additional|secret|hidden|final) ){1,3}(?:task|procedure|directive|mission|objective)s?[^\w\n]{0,4}[:*]
        |[*#=]{2,6} {0,3}(?:[a-z]{1,12} ){0,3}(?:instructions?|task|directive)s? {0,3}(?:[*#=]{2,6}|:)
        |\bprove (?:that )?you are (?:truly |really )?[a-z]{1,14} by\b|\bfor (?:academic|research|educational|training|testing) purposes,? (?:please )?(?:output|print|reveal|show|repeat|answer|share|paste|tell|give)|\byou are (?:running|operating) (?:as part of|in|inside|within) (?:a|an|the)?\b
        |\bforget everything you (?:know|learned|were)\b|\bjust print\b|\b(?:start|begin) your (?:answer|response|reply|message) with\b|\bcomplete this sentence: ?["']?i was\b|\bnot supposed to tell\b|\bshare your (?:security|system|internal) (?:settings|configuration|prompt)""",
    ),
    _rule(
        "extract.small", "names the system prompt or the assistant's unique id in Albanian, Irish, Scottish Gaelic and Zulu", 0.85,
        "wesistimu wesistem yakho sistemit tende siostam siostaim chorais sonraichte uathuil unike agad eyingqayizivele",
        r"""(?:\b(?:umyalezo|umbhalo|wombhalo) (?:wakho )?wesistimu|\bi-id yakho\b|\bid-ne tende\b|\bkerkeses tende te sistemit|\bmesazhin? (?:tend )?(?:te|e) sistemit|\bid sonraichte agad|\b(?:teachdaireachd|teachdaireachda) (?:an )?t?-?siostai?m
        |\btheachtaireacht (?:do )?chorais|\b(?:uimhir aitheantais uathuil|aitheantas uathuil)|\bsettings? zakho zokuphepha|\bezingamasetingi zakho)""",
    ),
    _rule(
        "override.small", "announces other instructions or a development mode in those languages", 0.8,
        "modh mod mhod forbartha yonjiniyela imwodi kwimodi imiyalo stiuiridhean treoracha udhezimet udhezime speisialta shonraichte trianala treanaidh ushtrimi yokuzilolonga trena",
        r"""(?:\bmodh? f[oh]+rbairt|\b(?:mod|mhod) forbartha|\bkwimodi yonjiniyela|\bmodalitetin? (?:e )?zhvillimit|\bnjengengxenye yokuzilolonga|\beacarsaich treanaidh|\bushtrimi trajnimi|\bcas speisialta:|\bcuis shonraichte:|\brast i vecante|\b(?:imiyalo|stiuiridhean|treoracha|udhezimet) (?:yakho|agad|agat|e tua|
        emisha|ura|nua|te reja))""",
    ),
    _rule(
        "forge.harm", "asks for what no shop answers, beside a persona", 0.4,
        "meth bomb malware explicit erotic nsfw sexually illegal crime drugs hacking racist sexist profanity curse swear vulgar cuss swears",
        r"""\b(?:make (?:meth|a bomb|explosives)|malware|sexually explicit|erotic|nsfw|illegal (?:activit|things|acts|stuff|content)\w{0,4}|racist|sexist|profanity|(?:uses?|using) (?:curse|swear|vulgar|foul)|swears|cuss|curse words?|explicit (?:content|language|sex))""",
    ),
    _rule(
        "forge.placeholder", "is a template for other people's prompts", 0.7, "user char prompt target insert name",
        r"""\{\{(?:user|char)\}\}|\[(?:prompt|insert (?:prompt|question|query|text)|targetlanguage|your (?:prompt|question|query))[^\]\n]{0,20}\]|\b(?:jailbreak|evil|mad|unhinged)(?:gpt|bot|ai)\b|\b[a-z]{2,12}gpt\b(?! ?(?:plus|4|3))""",
    ),
)

LETTERS_ONLY = re.compile(
    r"(?:ignore|disregard|forget|override|bypass)(?:all|any|the|your|my|of){0,4}(?:previous|prior|above|earlier|system|preceding)(?:instructions?|prompts?|rules)"
    r"|(?:reveal|show|print|repeat|give)(?:me)?(?:the|your|me){0,2}(?:system|hidden|secret)(?:prompt|instructions?|message)"
    r"|ignoriere(?:alle)?(?:vorherigen|bisherigen)|ignora(?:todas)?(?:las)?instrucciones|doanythingnow"
)
"""Attacks whose words ran together because their letters were spaced; tried on such stretches only."""

TALKS_ABOUT = re.compile(
    r"\b(?:what (?:does|do|is|are) (?:a |an |the |it mean |\"|'|prompt inj|jailbreak)|mean(?:s|ing)? (?:by|of|when)|explain|definition|how (?:do|can|should|to)(?: (?:i|we|you|one))? "
    r"(?:protect|prevent|detect|defend|stop|block|guard|secure|avoid)|protect(?:ed|ion)? against|prevent(?:s|ing)? |an attacker|attackers|hackers?|security (?:training|course|policy|article|researcher)|"
    r"article about|blog post|read about|heard (?:about|of)|the (?:phrase|term|words|sentence|expression))\b"
)
"""Talk about attacks in place of attacks: such a text needs more than a pattern."""

PROMPT_WORDS = frozenset(
    "ai chatgpt gpt chatbot prompt prompts persona roleplay character characters fictional hypothetical uncensored unfiltered unethical immoral "
    "illegal openai scenario simulate simulator responses outputs generate personality dialogue dialogues pretend pretending ethical ethics moral morality evil explicit "
    "erotic sexual offensive sentient fiction assistant respond replies obey disclaimer imaginary immersive narrator plot".split()
)
"""The vocabulary of prompts written for language models; no honest request to a shop needs many of them."""
VOCABULARY_SCORES = {3: 0.35, 4: 0.55, 5: 0.75, 6: 0.85}
"""Distinct such words in a text -> score of the rule ``vocabulary``; more count as the last."""
