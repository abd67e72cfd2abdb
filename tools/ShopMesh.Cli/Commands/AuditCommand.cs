using System.CommandLine;
using ShopMesh.Hosting;
using Spectre.Console;

namespace ShopMesh.Cli.Commands;

/// <summary><c>audit</c>: exit code 1 when anything breaks a rule, 2 when the shop cannot be audited.</summary>
internal static class AuditCommand
{
    public static Command Create()
    {
        var url = new Option<Uri>("--url")
        {
            Description = "The shop's address.",
            CustomParser = result =>
            {
                if (Uri.TryCreate(result.Tokens[0].Value, UriKind.Absolute, out var address) && address.Scheme is "http" or "https")
                    return address;
                result.AddError("--url takes an address such as http://localhost:8080.");
                return null;
            },
            DefaultValueFactory = _ => new(ShopState.Read(Repository.StateDirectory)?.Gateway ?? $"http://localhost:{UpCommand.DefaultPort}"),
        };
        var user = new Option<string>("--user") { Description = "An administrator.", DefaultValueFactory = _ => "admin@example.com" };
        var password = new Option<string>("--password") { Description = "The administrator's password.", DefaultValueFactory = _ => "Passw0rd!" };
        var command = new Command("audit", "Check what must always hold over everything in a shop.") { url, user, password };
        command.SetAction((arguments, cancellationToken) => RunAsync(
            new(arguments.GetRequiredValue(url)) { User = arguments.GetRequiredValue(user), Password = arguments.GetRequiredValue(password) }, cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(AuditOptions options, CancellationToken cancellationToken)
    {
        AnsiConsole.WriteLine($"Auditing {options.Shop.GetLeftPart(UriPartial.Authority)}");
        var report = Console.IsOutputRedirected
            ? await Audit.RunAsync(options, new Lines(), cancellationToken)
            : await AnsiConsole.Status().StartAsync("signing in", status => Audit.RunAsync(options, new StatusLine(status), cancellationToken));

        AnsiConsole.WriteLine($"{report.Orders} orders, {report.Payments} payments, {report.Shipments} shipments, {report.Products} products");
        foreach (var (rule, name) in AuditRules.Names)
        {
            var offenders = report.Offenders.Where(offender => offender.Rule == rule).ToList();
            if (rule == 5)
                AnsiConsole.MarkupLineInterpolated($"[grey]    {rule}  {name}: which answer a key was given only the client knows; the tests check it[/]");
            else if (offenders.Count == 0)
                AnsiConsole.MarkupLineInterpolated($"[green]ok[/]  {rule}  {name}");
            else
                AnsiConsole.MarkupLineInterpolated($"[red]no[/]  {rule}  {name}");
            foreach (var offender in offenders)
                AnsiConsole.WriteLine($"       {offender.Subject} {offender.Problem}");
        }

        AnsiConsole.MarkupLine(report.Passed ? "[green]All is well.[/]" : $"[red]{report.Offenders.Count} offenders.[/]");
        return report.Passed ? ExitCodes.Ok : ExitCodes.Failed;
    }

    private static string Describe(AuditProgress value) => value.What == Audit.OpenOrders ? $"waiting for {value.Count} open orders" : $"{value.Count} {value.What}";

    private sealed class StatusLine(StatusContext status) : IProgress<AuditProgress>
    {
        public void Report(AuditProgress value) => status.Status(Describe(value));
    }

    /// <summary>A line per thousand, and per list; and while it waits one when the number has changed.</summary>
    private sealed class Lines : IProgress<AuditProgress>
    {
        private AuditProgress? _last;

        public void Report(AuditProgress value)
        {
            if (value != _last && (value.Count % 100 != 0 || value.Count % 1_000 == 0))
                AnsiConsole.WriteLine($"  {Describe(value)}");
            _last = value;
        }
    }
}
