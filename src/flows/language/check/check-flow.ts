/**
 * Checks a flow file: one code path for the command line, the API and the editor.
 *
 * YAML, form, meaning and sense are looked at in one run; a problem in one part does not hide those in another.
 */
import { Diagnostics, hasErrors, type Diagnostic } from '../diagnostic.ts';
import { readFlow } from '../read/read-flow.ts';
import { allSteps, type FlowSyntax } from '../syntax.ts';
import type { Vocabulary } from '../vocabulary.ts';
import { checkIds, StepsChecker } from './check-steps.ts';
import { checkTriggers } from './check-triggers.ts';
import { ownShapes, sharedShapes } from './flow-shapes.ts';
import { checkSecrets } from './secrets.ts';
import { checkSense } from './sense.ts';
import { SEES_NOTHING, TextChecker } from './text-checker.ts';

export interface CheckedFlow {
  readonly diagnostics: readonly Diagnostic[];
  /** Present when there is no error, warnings aside. */
  readonly flow?: FlowSyntax;
}

/** @param source text of the file, UTF-8 decoded, with or without a byte order mark */
export function checkFlow(source: string, vocabulary: Vocabulary): CheckedFlow {
  const diagnostics = new Diagnostics(source);
  const flow = readFlow(source, diagnostics);
  if (source.length <= 262_144) checkSecrets(source, diagnostics);
  if (flow) {
    const texts = new TextChecker(ownShapes(flow, vocabulary), sharedShapes(vocabulary), diagnostics);
    const steps = new StepsChecker(flow, vocabulary, texts);
    checkTriggers(flow, vocabulary, texts);
    checkIds([...allSteps(flow.steps), ...allSteps(flow.onFailure)], diagnostics);
    const seen = steps.list(flow.steps, SEES_NOTHING);
    steps.list(flow.onFailure, { ...SEES_NOTHING, steps: seen });
    checkSense(flow, vocabulary, diagnostics);
  }
  const found = diagnostics.list();
  return flow && !hasErrors(found) ? { diagnostics: found, flow } : { diagnostics: found };
}
