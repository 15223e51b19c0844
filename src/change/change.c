/* SPDX-License-Identifier: Apache-2.0 */
#include "change/change.h"

const char *change_kind_text(enum change_kind kind)
{
    switch (kind) {
    case CHANGE_INSERT:
        return "insert";
    case CHANGE_UPDATE:
        return "update";
    case CHANGE_DELETE:
        return "delete";
    case CHANGE_TRUNCATE:
        return "truncate";
    case CHANGE_DROPPED:
        return "dropped";
    case CHANGE_GAP:
        return "gap";
    }
    return "unknown";
}
