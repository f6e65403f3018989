/** Shows the progress of a job on standard error. */
import type { Job_State } from "../gen/web/loom/v1/job_pb.js";
import { createLiveArea, type LiveArea } from "./render/live.js";
import { plainProgress, progressLines, type JobProgress } from "./render/progress.js";
import { jobEnded } from "./render/words.js";
import type { Session } from "./session.js";

/** Between two drawings at least so many milliseconds: thousands of tasks may change in a second. */
const DRAW_EVERY_MS = 100;
/** Between two plain lines at least so many milliseconds, unless something failed or the job's state changed. */
const PLAIN_EVERY_MS = 5000;

/** Where progress is shown. */
export interface Display {
  show(view: JobProgress, failures: readonly string[]): void;
  reconnecting(reconnecting: boolean, view: JobProgress | undefined): void;
  close(): void;
}

/** Lines drawn in place on a terminal, else a plain line now and then. */
export function createDisplay(session: Session): Display {
  return session.terminal.stderr.isTTY === true
    ? liveDisplay(session, createLiveArea(session.terminal.stderr))
    : plainDisplay(session);
}

function liveDisplay(session: Session, area: LiveArea): Display {
  const { stderr } = session.terminal;
  let current: JobProgress | undefined;
  const draw = (): void => {
    if (current === undefined) return;
    area.draw(
      progressLines(
        current,
        session.errPalette,
        session.terminal.now(),
        stderr.columns ?? 80,
        Math.min(stderr.rows ?? 24, 20),
      ),
    );
  };
  // Elapsed times go on while nothing else happens.
  const clock = setInterval(draw, 1000);
  let soon: NodeJS.Timeout | undefined;
  let drawnAt = Number.NEGATIVE_INFINITY;
  const drawSoon = (): void => {
    const wait = drawnAt + DRAW_EVERY_MS - performance.now();
    if (soon !== undefined) return;
    soon = setTimeout(
      () => {
        soon = undefined;
        drawnAt = performance.now();
        draw();
      },
      Math.max(0, wait),
    );
  };
  return {
    show: (view, failures) => {
      current = view;
      if (failures.length > 0) area.above(failures.map((text) => session.errPalette.red(text)));
      drawSoon();
    },
    reconnecting: (_, view) => {
      current = view;
      draw();
    },
    close: () => {
      clearInterval(clock);
      clearTimeout(soon);
      area.close(false);
    },
  };
}

function plainDisplay(session: Session): Display {
  let saidAt = Number.NEGATIVE_INFINITY;
  let said = "";
  let state: Job_State | undefined;
  return {
    show: (view, failures) => {
      for (const text of failures) session.say(text);
      const now = session.terminal.now();
      const text = plainProgress(view, now);
      const changed = view.job.state !== state;
      if (jobEnded(view.job) || text === said || (!changed && now - saidAt < PLAIN_EVERY_MS)) return;
      session.say(text);
      [said, saidAt, state] = [text, now, view.job.state];
    },
    reconnecting: (reconnecting) =>
      session.say(reconnecting ? "The connection was lost; reconnecting. The job goes on." : "Connected again."),
    close: () => undefined,
  };
}
