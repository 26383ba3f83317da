#include "faults.h"

#include <string.h>

static const char *english(const struct ec__MessageType *messages, int count)
{
    for (int i = 0; i < count; i++)
        if (messages[i].xml__lang != NULL && strcmp(messages[i].xml__lang, "en") == 0)
            return messages[i].__item;
    return count > 0 ? messages[0].__item : "";
}

bool refusal_read(const struct soap *soap, struct refusal *refusal)
{
    if (soap->fault == NULL)
        return false;
    /* One and the same element, but gSOAP keeps that of SOAP 1.1 and that of SOAP 1.2 apart. */
    const struct SOAP_ENV__Detail *detail = soap->version == 2 ? soap->fault->SOAP_ENV__Detail : soap->fault->detail;
    if (detail == NULL)
        return false;

    refusal->violations = detail->ctr__Violations;
    if (detail->soa__BusinessError != NULL) {
        const struct soa__BusinessErrorType *error = detail->soa__BusinessError;
        refusal->code = error->Code;
        refusal->message = english(error->Message, error->__sizeMessage);
        return true;
    }
    if (detail->soa__SystemError != NULL) {
        const struct soa__SystemErrorType *error = detail->soa__SystemError;
        refusal->code = error->Code;
        refusal->message = english(error->Message, error->__sizeMessage);
        return true;
    }
    return false;
}
