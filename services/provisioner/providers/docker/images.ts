/** Images by name: there already, or pulled. */
import { LoomError } from "../../../common/errors.js";
import type { CallContext } from "../provider.js";
import { messageOf, statusOf } from "./engine.js";
import type { Engine } from "./engine.js";

/** Milliseconds a pull may take. */
const PULL_MS = 20 * 60_000;

/** What the name of an image can be made of. */
const IMAGE = /^[A-Za-z0-9][\w./:@-]*$/;

/** Images with these names are made on the machine by Loom itself and are in no registry. */
const OWN_IMAGE = /^loom-[^/]*$/;

function notFound(image: string, why: string): LoomError {
  return new LoomError("IMAGE_NOT_FOUND", `Docker has no image "${image}" here${why}`, { metadata: { image } });
}

async function has(engine: Engine, image: string, signal: AbortSignal): Promise<boolean> {
  try {
    await engine.call(() => engine.docker.getImage(image).inspect(), signal);
    return true;
  } catch (thrown) {
    if (statusOf(thrown) === 404) return false;
    throw thrown;
  }
}

async function pull(engine: Engine, image: string, context: CallContext): Promise<void> {
  context.log(`pulling the image ${image}`);
  await engine.call(
    async (abortSignal) => {
      const progress = await engine.docker.pull(image, { abortSignal });
      await new Promise<void>((resolve, reject) => {
        // A pull that fails on the way still answers 200; its stream carries the error.
        engine.docker.modem.followProgress(progress, (error) =>
          error === null ? resolve() : reject(Object.assign(error, { statusCode: 500 })),
        );
      });
    },
    context.signal,
    PULL_MS,
  );
}

/**
 * Sees to it that the image is on the daemon's machine.
 *
 * @throws IMAGE_NOT_FOUND with what to do about it
 */
export async function ensureImage(engine: Engine, image: string, context: CallContext): Promise<void> {
  if (!IMAGE.test(image))
    throw notFound(image, ": that is no name of an image. Correct the image type's image for this provider.");
  if (await has(engine, image, context.signal)) return;
  if (OWN_IMAGE.test(image)) {
    throw notFound(image, `. Run "make debian-image" on the machine that runs Docker, then retry the job.`);
  }
  try {
    await pull(engine, image, context);
  } catch (thrown) {
    if (thrown instanceof LoomError) throw thrown;
    throw notFound(
      image,
      ` and could not pull it: ${messageOf(thrown)}. Correct the image type, load the image with "docker load", or use the image "make debian-image" makes.`,
    );
  }
}
