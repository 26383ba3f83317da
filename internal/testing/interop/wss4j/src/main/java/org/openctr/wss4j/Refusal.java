package org.openctr.wss4j;

import jakarta.xml.soap.SOAPFault;
import java.util.ArrayList;
import java.util.List;
import org.w3c.dom.Element;

/** What a fault of the register says: its code, its words in English, and every violation with its place. */
final class Refusal extends Exception {

    private static final long serialVersionUID = 1L;

    /** One thing that is wrong; path is an XPath into the request. */
    record Violation(String code, String path) {
    }

    private final String code;
    private final transient List<Violation> violations;

    private Refusal(String code, String message, List<Violation> violations) {
        super(message);
        this.code = code;
        this.violations = List.copyOf(violations);
    }

    static Refusal of(SOAPFault fault) {
        String code = fault.getFaultCode();
        String message = fault.getFaultString();
        List<Violation> violations = new ArrayList<>();
        for (Element part : fault.hasDetail() ? Elements.children(fault.getDetail()) : List.<Element>of()) {
            switch (part.getLocalName()) {
                // A BusinessError is the register's own refusal; a SystemError is everything technical, signatures too.
                case "BusinessError", "SystemError" -> {
                    code = Elements.text(part, "Code");
                    message = inEnglish(part, message);
                }
                case "Violations" -> {
                    for (Element violation : Elements.children(part)) {
                        violations.add(new Violation(violation.getAttribute("Code"), violation.getAttribute("Path")));
                    }
                }
                default -> { }
            }
        }
        return new Refusal(code, message, violations);
    }

    private static String inEnglish(Element error, String otherwise) {
        for (Element message : Elements.children(error)) {
            if (message.getLocalName().equals("Message") && message.getAttribute("xml:lang").equals("en")) {
                return message.getTextContent();
            }
        }
        return otherwise;
    }

    String code() {
        return code;
    }

    List<Violation> violations() {
        return violations;
    }
}
