import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';

interface Json {
  readonly json?: boolean;
}

interface Task {
  readonly id: string;
  readonly status: string;
  readonly team: string;
  readonly title: string;
  readonly createdAt: string;
  readonly question: { readonly run: string; readonly choices: readonly string[]; readonly until: string | null } | null;
  readonly closed: { readonly choice: string | null } | null;
}

const COLUMNS = ['id', 'status', 'team', 'title', 'choices', 'until', 'createdAt'];

/** `kassaflow task list|answer|done`. */
export function addTask(program: Command, context: CommandContext): void {
  const task = program.command('task').description('what flows ask people to decide or to do');
  task
    .command('list')
    .description('list tasks, newest first')
    .option('--status <status>', 'open, done or withdrawn', 'open')
    .option('--limit <n>', 'at most so many', '20')
    .option('--json', 'print the list as JSON')
    .action(async (options: Json & { readonly status: string; readonly limit: string }) => {
      const query = new URLSearchParams({ limit: options.limit, status: options.status });
      const { items } = await context.api.get<{ items: Task[] }>(`/v1/tasks?${query.toString()}`);
      context.printer(options).rows(items.map(rowOf), COLUMNS);
    });
  closing(task, context, 'answer', 'answer the question of a run, which goes on with it').argument('<choice>', 'one of its choices');
  closing(task, context, 'done', 'close a task that asks nothing');
}

function closing(task: Command, context: CommandContext, name: 'answer' | 'done', description: string): Command {
  return task
    .command(name)
    .description(description)
    .argument('<task>', 'tsk_…')
    .option('--note <text>', 'what is worth knowing', '')
    .option('--json', 'print the task as JSON')
    .action(async (id: string, ...rest: readonly unknown[]) => {
      const choice = name === 'answer' ? { choice: String(rest[0]) } : {};
      const options = rest[name === 'answer' ? 1 : 0] as Json & { readonly note: string }; // commander puts the options behind the arguments
      const closed = await context.api.post<Task>(`/v1/tasks/${encodeURIComponent(id)}/${name}`, { ...choice, note: options.note });
      context
        .printer(options)
        .one(closed, () => [`${closed.id} is ${closed.status}${closed.closed?.choice ? `: ${closed.closed.choice}` : ''}`]);
    });
}

function rowOf({ question, ...task }: Task): Readonly<Record<string, unknown>> {
  return { ...task, choices: question?.choices.join(', ') ?? '', until: question?.until ?? '' };
}
