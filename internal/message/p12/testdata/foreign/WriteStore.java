import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.security.KeyStore;
import java.security.Provider;
import java.security.Security;
import java.util.Collections;

/** Copies the entries of several .p12 files into one store: PROVIDER-CLASS TYPE PASSWORD OUT IN... */
public final class WriteStore {
  public static void main(String[] args) throws Exception {
    Provider provider = (Provider) Class.forName(args[0]).getDeclaredConstructor().newInstance();
    Security.addProvider(provider);
    char[] password = args[2].toCharArray();
    KeyStore out = KeyStore.getInstance(args[1], provider);
    out.load(null, null);
    for (int i = 4; i < args.length; i++) {
      KeyStore in = KeyStore.getInstance("PKCS12", "SunJSSE");
      try (FileInputStream file = new FileInputStream(args[i])) {
        in.load(file, password);
      }
      for (String alias : Collections.list(in.aliases())) {
        out.setKeyEntry(alias, in.getKey(alias, password), password, in.getCertificateChain(alias));
      }
    }
    try (FileOutputStream file = new FileOutputStream(args[3])) {
      out.store(file, password);
    }
  }
}
