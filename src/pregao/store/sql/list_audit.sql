SELECT at, who, what, before, after, detail FROM audit_log ORDER BY at DESC, id DESC LIMIT $1
