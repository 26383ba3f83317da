package org.openctr.springws;

import be.fgov.ehealth.ctr.core.v1.ViolationType;
import be.fgov.ehealth.ctr.core.v1.Violations;
import be.fgov.ehealth.errors.core.v1.ErrorType;
import be.fgov.ehealth.errors.core.v1.MessageType;
import java.io.IOException;
import java.util.Iterator;
import java.util.List;
import org.springframework.oxm.Unmarshaller;
import org.springframework.ws.WebServiceMessage;
import org.springframework.ws.soap.SoapFault;
import org.springframework.ws.soap.SoapFaultDetailElement;
import org.springframework.ws.soap.SoapMessage;

/** What a fault of the register says: its code, its words in English, and every violation with its place. */
class Refusal extends RuntimeException {

    private static final long serialVersionUID = 1L;

    private final String code;
    private final transient List<ViolationType> violations;

    private Refusal(String code, String message, List<ViolationType> violations) {
        super(message);
        this.code = code;
        this.violations = List.copyOf(violations);
    }

    static Refusal of(WebServiceMessage message, Unmarshaller unmarshaller) throws IOException {
        SoapFault fault = ((SoapMessage) message).getSoapBody().getFault();
        String code = fault.getFaultCode().getLocalPart();
        String words = fault.getFaultStringOrReason();
        List<ViolationType> violations = List.of();
        if (fault.getFaultDetail() != null) {
            Iterator<SoapFaultDetailElement> parts = fault.getFaultDetail().getDetailEntries();
            while (parts.hasNext()) {
                Object part = unmarshaller.unmarshal(parts.next().getSource());
                // A BusinessError is the register's own refusal; a SystemError is everything technical, signatures too.
                if (part instanceof ErrorType error) {
                    code = error.getCode();
                    words = inEnglish(error, words);
                } else if (part instanceof Violations list) {
                    violations = list.getViolations();
                }
            }
        }
        return new Refusal(code, words, violations);
    }

    private static String inEnglish(ErrorType error, String otherwise) {
        return error.getMessages().stream()
            .filter(message -> "en".equals(message.getLang()))
            .map(MessageType::getValue)
            .findFirst().orElse(otherwise);
    }

    String code() {
        return code;
    }

    List<ViolationType> violations() {
        return violations;
    }
}
