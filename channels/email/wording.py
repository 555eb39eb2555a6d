"""The words by which mail programs introduce what they repeat, and mail systems tell what went wrong.

Data for `quoting` and `bounce`: every pattern is linear, anchored or short.
"""

import re


def _any(*phrases: str, before: str = "", after: str = "") -> re.Pattern[str]:
    return re.compile(f"{before}(?:{'|'.join(phrases)}){after}", re.IGNORECASE | re.MULTILINE)


# --- replies ---------------------------------------------------------------------------------------------------------

SEPARATOR = _any(
    *("original message", "original appointment", "original email", "forwarded message", "reply message"),
    *(
        "(?:回复的)?原始?(?:邮件|郵件)(?:信息)?",
        "原始訊息",
        "转发(?:的)?邮件(?:信息)?",
        "轉寄(?:的)?郵件",
        "元のメッセージ",
    ),
    *("mensaje original", "mensagem original", "message d['’]origine", "message original", "messaggio originale"),
    *("urspr(?:ü|ue)ngliche nachricht", "originalnachricht", "weitergeleitete nachricht", "oorspronkelijk bericht"),
    *("oprindelig (?:besked|meddelelse)", "ursprungligt meddelande", "opprinnelig melding"),
    *("исходное сообщение", "пересылаемое сообщение"),
    before=r"^[\s>*]*[-—=_─]{2,}\s*\*?",
    after=r"\*?\s*[-—=_─]*\s*:?\s*$",
)
WROTE = _any(
    *(
        r"\bwrote",
        r"\bsent",
        "写道",
        "写到",
        "寫道",
        r"\bschrieb(?:en)?\b.{0,120}",
        "a écrit",
        "escribió",
        "ha scritto",
    ),
    *("escreveu", r"skrev\b.{0,120}", "kirjoitti", r"napisał(?:\(?a\)?)?", r"schreef\b.{0,120}", r"geschreven"),
    *(r"написал(?:\(?а\)?)?", "пишет", "のメール", "yazdı", "đã viết"),
    after=r"\s*[:：]?\s*[-—]*\s*$",
)
SOMEBODY_WROTE = re.compile(r"^-{2,}.{1,80}\bwrote\s*-{2,}$", re.IGNORECASE)
ATTRIBUTION_STARTS = _any(  # only such a line may go on over the next ones
    *("on", "at", "in", "le", "am", "el", "il", "em", "den", "op", "dne", "dnia", "w", "vào", "在", "於", "于", "date"),
    *("ma", "ti", "ke", "to", "pe", "la", "su", "mon", "tue", "wed", "thu", "fri", "sat", "sun"),
    *("ср", "пн", "вт", "чт", "пт", "сб", "вс", r"\d{1,4}"),
    before=r"^[\s*\"-]*",
    after=r"[\s,.:\d年月/<(\"-]",
)
ATTRIBUTION_ENDS = (":", "：", ">", "-", "—", "wrote", "Wrote", "写道", "寫道")
DATED = re.compile(r"\d{1,4}\s*(?:[./年-]\s*\d|[:：時时]\s*\d{2})|\b(?:19|20)\d{2}\b|@")
DATE_AND_ADDRESS = re.compile(
    r"^.{0,40}\d{1,4}[./年 ,:-].{0,160}<?[^\s<>]+@[^\s<>]+>?\s*[)）]?\s*[:：]\s*$"
    r"|^\d{4}[/-]\d{1,2}[/-]\d{1,2}\s.{0,100}<[^\s<>]+@[^\s<>]+>\s*$"
)
_LABEL_BEFORE, _LABEL_AFTER = r"^[\s>*_|]*", r"\s*[*_]*\s*[:：]"
FROM_LABEL = _any(
    *("from", "von", "de", "da", "fra", "från", "van", "od", "от", "发件人", "發件人", "寄件者", "寄件人", "发信人"),
    *("差出人", "보낸 사람", "lähettäjä", "gönderen"),
    before=_LABEL_BEFORE,
    after=_LABEL_AFTER,
)
OTHER_LABEL = _any(
    *(r"sent(?: on)?", "date", "to", "cc", "subject", "reply-to", "importance", "gesendet", "datum", "an", "betreff"),
    *(
        "envoyé",
        "à",
        "objet",
        "copie à",
        "sujet",
        "enviado",
        "enviada em",
        "fecha",
        "para",
        "asunto",
        "assunto",
        "data",
    ),
    *("inviato", "a", "oggetto", "dato", "sendt", "til", "emne", "skickat", "till", "ämne", "verzonden", "aan"),
    *(
        "onderwerp",
        "дата",
        "отправлено",
        "кому",
        "тема",
        "发送时间",
        "发送日期",
        "發送時間",
        "传送日期",
        "日期",
        "时间",
    ),
    *("時間", "收件人", "收件者", "主题", "主題", "主旨", "抄送", "副本", "送信日時", "宛先", "件名"),
    before=_LABEL_BEFORE,
    after=_LABEL_AFTER,
)
RULE = re.compile(r"^[\s>]*[-_—=─*]{3,}\s*$")
LIST_FOOTER = re.compile(r"mailing list", re.IGNORECASE)
SENT_FROM = _any(
    *(
        r"sent (?:from|via)\b(?![^<]*[,.;!?。，]\s*\S)",
        r"get outlook for\b",
        "发自我的",
        "發自我的",
        "從我的.{1,30}傳送",
    ),
    *("从我的.{1,30}发送", "发自(?!内心)", r"envoyé (?:de|depuis) mon", "von meinem .{1,40} gesendet", "inviato da"),
    *("enviado desde", "verzonden (?:van|met)", "sendt fra min", "skickat från min", "отправлено с"),
    before=r"^\s*",
)

# --- returned mail ---------------------------------------------------------------------------------------------------

SYSTEM_NAME = _any("mail(?:er)?[ -]?daemon", "mail delivery (?:sub)?system", "postmaster", "邮件系统", before="^")
BOUNCE_SUBJECT = _any(
    *("undeliver", "non[- ]?remis", "return(?:ed|ing) (?:mail|message|to sender)", "unzustellbar", "could not send"),
    *("delivery (?:status|failure|report|notification|problem)", "deliver(?:y|ed)?.{0,30}(?:fail|error|delay|problem)"),
    *("fail(?:ed|ure)?.{0,12}(?:mail|deliver|notice|message)", "mail.{0,20}(?:fail|not delivered|error|delivery)"),
    *("(?:not|n't) (?:be )?delivered", "退信", "投递失败", "投遞失敗", "无法投递", "無法投遞", "无法送达", "無法傳遞"),
    *("未送达", "发送失败", "配信不能", "エラー通知", "配信エラー"),
)
FAILED = _any(
    *(
        "could ?n[o']t be (?:delivered|sent)",
        "can(?:no|')?t be delivered",
        "not (?:be )?deliver(?:ed|able)",
        "undeliver",
    ),
    *("wasn't able to deliver", "unable to deliver", "error delivering", r"deliver\w* (?:\w+ ){0,6}(?:failed|delayed)"),
    *(
        "delev?[ei]ry (?:\\w+ ){0,6}aborted",
        "did not (?:reach|receive)",
        "fail(?:ed|ure) (?:address|recipient|to deliver)",
    ),
    *(r"(?:address(?:es)?|recipients?)(?:\(\w+\))? (?:\w+ ){0,4}fail", "returned (?:mail|message|to)", "undelivered"),
    *("unknown (?:user|address|recipient)", "user (?:is )?unknown", "no such (?:user|address|mailbox)", "quota"),
    *("mailbox (?:is )?(?:full|unavailable|not found)", "fatal errors", "permanent (?:\\w+ ){0,2}errors?"),
    *("(?:invalid|bad|nonexistent|rejected) .{0,30}(?:address|userid|recipient|mailbox|user)", "transcript of session"),
    *("does(?: not|n't) (?:exist|have a)", "did not exactly match", "退信", "无法投递", "無法投遞", "无法送达"),
    *("未能送达", "投递失败", "不存在", "被退回", "发送失败", "拒收"),
)
DELAYED = _any(
    *("warning only", "warning message only", "will (?:be |continue to )?retr", "still being retried"),
    *("not yet been delivered", "being delayed", "(?:has been|is) delayed", r"\(delay\)"),
    *("delay(?:ed)? (?:in )?(?:mail|delivery|notification)", "继续尝试", "稍后重试", "延迟投递"),
)
ORIGINAL_FOLLOWS = _any(
    *(r"^\W*below this line is", r"^\W*original message", r"^\W*this is a copy of", r"^\W*the header of the original"),
    *(
        r"^\W*message (?:text|headers?)\b",
        r"^\W*return-path:",
        r"^\W*received: from",
        r"^\W*content-type:",
        r"^\W*原始?邮件",
    ),
    *(r"^\W*(?:returned|unsent) message", r"^\W*included is a copy", r"^\W*start of returned", "text follows"),
    r"(?:headers? of the|copy of (?:the|your)|your) (?:original )?message(?: header| follows| is)",
)
NAMES_RECIPIENT = _any(
    *(r"^[\s*>|•-]*<?[^\s<>@]+@[^\s<>@]+>?\s*(?:[:;(,].*|\.{3}.*|on .*)?$", "recipient", "rcpt to", "user", "mailbox"),
    *("address", "deliver", "收件人", "邮箱", r"[45]\d\d[ -]"),
)
NAMES_OTHERS = _any(
    *("postmaster", "assistance", "please (?:contact|send|forward|e-?mail)", "administrator", "support@", "help@"),
    *(
        r"^\s*(?:from|reply-to|sender|x-[\w-]+)\s*:",
        "message-id",
        "return-path",
        "mail from",
        "sent by",
        "发件人",
        "寄件人",
    ),
)
