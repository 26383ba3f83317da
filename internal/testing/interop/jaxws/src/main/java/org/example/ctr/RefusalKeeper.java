package org.example.ctr;

import jakarta.xml.bind.JAXBException;
import jakarta.xml.ws.BindingProvider;
import jakarta.xml.ws.WebServiceException;
import jakarta.xml.ws.handler.LogicalHandler;
import jakarta.xml.ws.handler.LogicalMessageContext;
import jakarta.xml.ws.handler.MessageContext;
import javax.xml.transform.TransformerException;
import javax.xml.transform.TransformerFactory;
import javax.xml.transform.dom.DOMResult;
import org.w3c.dom.Document;

/**
 * Keeps what a fault tells. The exceptions that wsimport generates hold only the first element of a fault's detail, the
 * error; the list of violations stands beside it, and must be read before the fault becomes an exception.
 */
final class RefusalKeeper implements LogicalHandler<LogicalMessageContext> {

    private static final String PROPERTY = RefusalKeeper.class.getName();

    /** Why the last call on this port was refused. A port knows only its last call: give each thread a port of its own. */
    static Refusal of(Object port) {
        return (Refusal) ((BindingProvider) port).getResponseContext().get(PROPERTY);
    }

    @Override
    public boolean handleFault(LogicalMessageContext context) {
        try {
            DOMResult fault = new DOMResult();
            TransformerFactory.newInstance().newTransformer().transform(context.getMessage().getPayload(), fault);
            context.put(PROPERTY, Refusal.read(((Document) fault.getNode()).getDocumentElement()));
            context.setScope(PROPERTY, MessageContext.Scope.APPLICATION); // else the caller does not see it
            return true;
        } catch (TransformerException | JAXBException e) {
            throw new WebServiceException("the fault could not be read", e);
        }
    }

    @Override
    public boolean handleMessage(LogicalMessageContext context) {
        return true;
    }

    @Override
    public void close(MessageContext context) {
        // nothing is kept between messages
    }
}
