#include "reject.h"

static const char *const names[] = {[REJECT_NONE] = "none",
#define X(id, name, text) [id] = (name),
                                    REJECT_REASONS(X)
#undef X
};

static const char *const texts[] = {[REJECT_NONE] = "nothing was rejected",
#define X(id, name, text) [id] = (text),
                                    REJECT_REASONS(X)
#undef X
};

const char *reject_name(enum reject reason)
{
	return (unsigned)reason < REJECT_COUNT ? names[reason] : "unknown";
}

const char *reject_text(enum reject reason)
{
	return (unsigned)reason < REJECT_COUNT ? texts[reason] : "unknown reason";
}
