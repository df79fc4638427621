export const WALL = Date.UTC(2026, 4, 1);

/** Two clocks that move only when told to; neither starts at 0. */
export function handClock() {
  let wall = WALL;
  let monotonic = 5_000;
  return {
    now: () => wall,
    monotonic: () => monotonic,
    pass: (ms: number) => {
      wall += ms;
      monotonic += ms;
    },
    setWall: (ms: number) => {
      wall = ms;
    },
  };
}
