import { Injectable } from '@nestjs/common';
import { GuardBook } from './guard-book.ts';
import { ParkedSteps, type FreedPosition, type ParkedStep } from './parked-steps.ts';

/** What the engine needs to wake steps that a guard let rest. */
@Injectable()
export class Parking {
  constructor(
    private readonly book: GuardBook,
    private readonly steps: ParkedSteps,
  ) {}

  /** Steps that nothing holds any more, oldest first, after `position`. */
  freed(position: FreedPosition | undefined, most: number): Promise<readonly FreedPosition[]> {
    return this.steps.freed(position, most);
  }

  /** The step does not rest. */
  remove(step: ParkedStep): Promise<void> {
    return this.steps.remove(step);
  }

  /** Calls `listener` after every change of a switch or a cap that this process learns of. */
  onChange(listener: () => void): void {
    this.book.onChange(listener);
  }
}
