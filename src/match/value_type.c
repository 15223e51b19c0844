/* SPDX-License-Identifier: Apache-2.0 */
#include "match/value_type.h"

#include "change/shape.h"

/* pg_type.oid of built-in types, which never change (src/include/catalog/pg_type.dat). */
enum {
    OID_INT2VECTOR = 22,
    OID_OIDVECTOR = 30,
    OID_TEXT = 25,
    OID_VARCHAR = 1043,
    OID_BIT = 1560,
    OID_BIT_ARRAY = 1561,
};

static const struct {
    uint32_t oid;
    enum value_class class;
} classes[] = {
    {16, VALUE_BOOLEAN},    {17, VALUE_BYTEA},       {18, VALUE_STRING}, /* "char" */
    {19, VALUE_STRING},                                                  /* name */
    {20, VALUE_INTEGER},    {21, VALUE_INTEGER},     {23, VALUE_INTEGER},
    {25, VALUE_STRING},     {26, VALUE_INTEGER},                         /* oid */
    {114, VALUE_JSON},      {650, VALUE_EXACT},                          /* cidr */
    {700, VALUE_FLOAT},     {701, VALUE_DOUBLE},     {774, VALUE_EXACT}, /* macaddr8 */
    {829, VALUE_EXACT},                                                  /* macaddr */
    {869, VALUE_INET},                                                   /* inet */
    {1042, VALUE_BPCHAR},   {1043, VALUE_STRING},    {1082, VALUE_DATE},
    {1083, VALUE_TIME},     {1114, VALUE_TIMESTAMP}, {1184, VALUE_TIMESTAMP},
    {1186, VALUE_INTERVAL}, {1560, VALUE_EXACT},                          /* bit */
    {1562, VALUE_EXACT},                                                  /* varbit */
    {1700, VALUE_NUMERIC},  {2950, VALUE_UUID},      {3220, VALUE_EXACT}, /* pg_lsn */
    {3802, VALUE_JSONB},    {3904, VALUE_EXACT},                          /* int4range */
    {3908, VALUE_EXACT},                                                  /* tsrange */
    {3910, VALUE_EXACT},                                                  /* tstzrange */
    {3912, VALUE_EXACT},                                                  /* daterange */
    {3926, VALUE_EXACT},                                                  /* int8range */
};

static enum value_class class_of(uint32_t oid)
{
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
        if (classes[i].oid == oid)
            return classes[i].class;
    }
    return VALUE_OPAQUE;
}

static bool class_is_text(enum value_class class)
{
    return class == VALUE_STRING || class == VALUE_BPCHAR;
}

/* Types of fixed size that can be subscripted, though they are no arrays: point and its like. */
static bool oid_is_false_array(uint32_t oid)
{
    return oid == OID_INT2VECTOR || oid == OID_OIDVECTOR || (oid >= 600 && oid <= 628) ||
           oid == 718;
}

static bool class_is_ordered(enum value_class class)
{
    switch (class) {
    case VALUE_INTEGER:
    case VALUE_NUMERIC:
    case VALUE_FLOAT:
    case VALUE_DOUBLE:
    case VALUE_BOOLEAN:
    case VALUE_DATE:
    case VALUE_TIME:
    case VALUE_TIMESTAMP:
    case VALUE_INTERVAL:
    case VALUE_UUID:
    case VALUE_BYTEA:
        return true;
    case VALUE_OPAQUE:
    case VALUE_STRING:
    case VALUE_BPCHAR:
    case VALUE_EXACT:
    case VALUE_INET:
    case VALUE_ARRAY:
    case VALUE_JSON:
    case VALUE_JSONB:
        break;
    }
    return false;
}

struct value_type value_type_of(const struct table_shape *shape, const struct column_shape *column)
{
    struct value_type type = {.class = class_of(column->base_oid)};

    if (type.class == VALUE_OPAQUE && column->kind == 'e')
        type.class = VALUE_EXACT;
    else if (type.class == VALUE_OPAQUE && column->element_oid != 0 &&
             !oid_is_false_array(column->base_oid)) {
        type.element = class_of(column->element_oid);
        if (type.element != VALUE_OPAQUE && type.element != VALUE_JSON &&
            type.element != VALUE_JSONB)
            type.class = VALUE_ARRAY;
    }
    const enum value_class judged = type.class == VALUE_ARRAY ? type.element : type.class;
    if (class_is_text(judged) && !column->is_deterministic)
        type.class = VALUE_OPAQUE;
    type.is_ordered =
        class_is_ordered(type.class) ||
        (class_is_text(type.class) && column->base_oid != 18 && column->is_collation_c);
    type.is_ascii_case = shape->is_ctype_c || column->is_collation_c;
    return type;
}

const char *value_type_cast(struct value_type type, const struct column_shape *column)
{
    if (type.class == VALUE_JSONB)
        return "jsonb";
    if (type.class == VALUE_BPCHAR ||
        (type.class == VALUE_STRING &&
         (column->base_oid == OID_TEXT || column->base_oid == OID_VARCHAR)))
        return NULL;
    /* Named without quotes, these two mean character(1) and bit(1) in a cast. */
    if (type.class == VALUE_ARRAY && type.element == VALUE_BPCHAR)
        return "pg_catalog.bpchar[]";
    if (column->base_oid == OID_BIT)
        return "pg_catalog.\"bit\"";
    if (column->base_oid == OID_BIT_ARRAY)
        return "pg_catalog.\"bit\"[]";
    return column->cast_type;
}
