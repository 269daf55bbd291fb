import nom.tam.fits.Fits;
import nom.tam.image.compression.hdu.CompressedImageHDU;

/**
 * Reads packed products by nom.tam.fits, which shares no code with cfitsio: prints the pixels of the
 * first frame and the frame ID of each. Before its version 1.17 it decompresses no other frame of a
 * cube, of fpack neither (its pull request 319).
 */
public class FitsReader {
    public static void main(String[] names) throws Exception {
        java.util.logging.LogManager.getLogManager().reset();
        for (String name : names) {
            try (Fits fits = new Fits(name)) {
                fits.readHDU();
                CompressedImageHDU packed = (CompressedImageHDU) fits.readHDU();
                StringBuilder line = new StringBuilder(packed.getHeader().getStringValue("FRAMEID"));
                for (short[] row : ((short[][][]) packed.asImageHDU().getKernel())[0])
                    for (short pixel : row) line.append(' ').append(pixel + 32768);
                System.out.println(line);
            }
        }
    }
}
