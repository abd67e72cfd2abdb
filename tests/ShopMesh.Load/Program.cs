using System.CommandLine;
using System.Text.Json;
using ShopMesh.Load;
using ShopMesh.Load.Journeys;

var arguments = new LoadArguments(() => new("http://localhost:8080"));
var file = new Option<string?>("--report") { Description = "Where to write the report as JSON; - for the last line of the output." };
var root = new RootCommand("Loads a shop with customers' journeys, at a rate that does not wait for it, and checks the answers.") { file };
arguments.AddTo(root);
root.SetAction(async (parsed, cancellationToken) =>
{
    var options = arguments.OptionsOf(parsed);
    options = options with { Shop = await KnownShop.ReadAsync(options.Gateway, arguments.ProductsOf(parsed), cancellationToken) };
    var customers = await Customers.SignInAsync(options.Gateway, options.Mix.NeedsCustomers ? arguments.CustomersOf(parsed) : 0, cancellationToken);
    var report = await OpenLoop.RunAsync(options, customers, cancellationToken);
    Console.Write(report.ToString());
    return report.Failed == 0 ? 0 : 1;
});
return await root.Parse(args).InvokeAsync();
