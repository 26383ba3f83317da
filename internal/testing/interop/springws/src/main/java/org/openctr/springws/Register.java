package org.openctr.springws;

import be.fgov.ehealth.commons.protocol.v2.RequestType;
import be.fgov.ehealth.ctr.protocol.v1.GetImplantCardRequest;
import be.fgov.ehealth.ctr.protocol.v1.GetImplantCardResponse;
import be.fgov.ehealth.ctr.protocol.v1.NotifyExplantRequest;
import be.fgov.ehealth.ctr.protocol.v1.NotifyExplantResponse;
import be.fgov.ehealth.ctr.protocol.v1.NotifyImplantRequest;
import be.fgov.ehealth.ctr.protocol.v1.NotifyImplantResponse;
import be.fgov.ehealth.ctr.protocol.v1.SearchRequest;
import be.fgov.ehealth.ctr.protocol.v1.SearchResponse;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.UUID;
import org.springframework.ws.client.core.WebServiceTemplate;
import org.springframework.ws.soap.client.core.SoapActionCallback;

/** The operations of the register. Each may throw a {@link Refusal}. */
class Register {

    private static final String PROTOCOL = "urn:be:fgov:ehealth:ctr:protocol:v1";

    private final WebServiceTemplate template;

    Register(WebServiceTemplate template) {
        this.template = template;
    }

    NotifyImplantResponse notifyImplant(NotifyImplantRequest request) {
        return call("NotifyImplant", request, NotifyImplantResponse.class);
    }

    NotifyExplantResponse notifyExplant(NotifyExplantRequest request) {
        return call("NotifyExplant", request, NotifyExplantResponse.class);
    }

    SearchResponse search(SearchRequest request) {
        return call("Search", request, SearchResponse.class);
    }

    GetImplantCardResponse getImplantCard(GetImplantCardRequest request) {
        return call("GetImplantCard", request, GetImplantCardResponse.class);
    }

    private <T> T call(String operation, RequestType request, Class<T> response) {
        request.setId("_" + UUID.randomUUID()); // an xs:ID cannot begin with a digit
        request.setIssueInstant(Instant.now().truncatedTo(ChronoUnit.SECONDS));
        return response.cast(
            template.marshalSendAndReceive(request, new SoapActionCallback(PROTOCOL + ":" + operation)));
    }
}
