using ShopMesh.Limits;

// Each of these does what a part of the shop does, and nothing else: what it costs is the limit that the part is measured against.
// Configuration comes by environment, as the services get theirs.
var builder = WebApplication.CreateBuilder(new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory });
builder.Logging.SetMinimumLevel(LogLevel.Warning);
builder.WebHost.ConfigureKestrel(options => options.AddServerHeader = false);
await (args switch
{
    ["kestrel"] => BareKestrel.Build(builder),
    ["yarp"] => BareProxy.Build(builder),
    ["upsert"] => BareUpsert.Build(builder),
    ["grpc-echo"] => BareGrpc.Build(builder),
    _ => throw new ArgumentException("Say which: kestrel, yarp, upsert or grpc-echo."),
}).RunAsync();
