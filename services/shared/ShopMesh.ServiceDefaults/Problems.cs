using System.Diagnostics;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.RegularExpressions;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace ShopMesh;

/// <summary>A request with a field that is not valid: 400 with the field's name under <c>errors</c>.</summary>
public sealed class InvalidFieldException(string name, string error) : Exception($"{name} {error}")
{
    public string Field => name;

    public string Error => error;
}

/// <summary>Every error of the JSON API is a problem document (RFC 9457).</summary>
internal static class Problems
{
    public static void AddProblems(this IServiceCollection services)
    {
        services.AddProblemDetails(options => options.CustomizeProblemDetails = Customize);
        services.AddExceptionHandler<ExceptionToProblem>();
        // A body that cannot be read is thrown, so that the answer can say what is wrong with it.
        services.Configure<RouteHandlerOptions>(options => options.ThrowOnBadRequest = true);
    }

    private static void Customize(ProblemDetailsContext context)
    {
        var problem = context.ProblemDetails;
        problem.Type ??= "about:blank";
        problem.Title ??= ReasonPhrases.GetReasonPhrase(problem.Status ?? 0);
        problem.Detail ??= DetailOf(problem.Status);
        problem.Extensions["traceId"] = Activity.Current?.TraceId.ToString() ?? context.HttpContext.TraceIdentifier;
        if (problem is HttpValidationProblemDetails { Errors.Count: > 0 } invalid)
            invalid.Errors = invalid.Errors.ToDictionary(error => CamelCasePath(error.Key), error => error.Value);
        if (problem.Status is StatusCodes.Status503ServiceUnavailable && context.HttpContext.Response.Headers.RetryAfter.Count == 0)
            context.HttpContext.Response.Headers.RetryAfter = "1";
    }

    /// <summary>For an answer that nobody has said more about.</summary>
    private static string DetailOf(int? status) => status switch
    {
        400 => "The request is malformed or not valid.",
        401 => "This takes a valid access token.",
        403 => "This is not yours to do.",
        404 => "There is nothing here, or nothing that is yours to see.",
        405 => "This cannot be done here: the Allow header has what can.",
        412 => "It was changed by somebody else meanwhile.",
        413 => "The request is too large.",
        415 => "The body must be JSON.",
        429 => "These were too many requests: Retry-After has when to go on.",
        502 => "A service that this needs broke off.",
        503 => "A service that this needs is away: Retry-After has when to ask again.",
        504 => "A service that this needs did not answer in time.",
        _ => "Something went wrong here; the trace id helps to find out what.",
    };

    /// <summary>ShippingAddress.PostalCode, as validation has it, is shippingAddress.postalCode to a client.</summary>
    private static string CamelCasePath(string path) => string.Join('.', path.Split('.').Select(JsonNamingPolicy.CamelCase.ConvertName));
}

/// <summary>Says what an exception means to the caller; what is left over is a bug, and a 500.</summary>
internal sealed partial class ExceptionToProblem(IProblemDetailsService problems, ILogger<ExceptionToProblem> logger) : IExceptionHandler
{
    public async ValueTask<bool> TryHandleAsync(HttpContext httpContext, Exception exception, CancellationToken cancellationToken)
    {
        if (httpContext.RequestAborted.IsCancellationRequested)
        {
            httpContext.Response.StatusCode = StatusCodes.Status499ClientClosedRequest;
            return true;
        }

        if (ToProblem(exception) is not { } problem)
            return false;
        if (problem.Status >= 500)
            LogUnavailable(httpContext.Request.Path, exception);
        httpContext.Response.StatusCode = problem.Status!.Value;
        return await problems.TryWriteAsync(new() { HttpContext = httpContext, ProblemDetails = problem, Exception = exception });
    }

    private static ProblemDetails? ToProblem(Exception exception) => exception switch
    {
        InvalidFieldException e => Invalid(e.Field, e.Error),
        BadHttpRequestException { InnerException: JsonException e } => Invalid(e.Path is { Length: > 2 } path ? path[2..] : "body", "is missing or not of the right form"),
        BadHttpRequestException { StatusCode: 400 } e when e.Message.Contains("no body was provided", StringComparison.Ordinal) => Invalid("body", "is missing"),
        BadHttpRequestException e when UnboundParameter().Match(e.Message) is { Success: true } match => Invalid(match.Groups["name"].Value, "is missing or not of the right form"),
        BadHttpRequestException e => Problem(e.StatusCode, e.Message),
        RpcException { StatusCode: StatusCode.DeadlineExceeded } => Problem(504, "A service that this needs did not answer in time."),
        RpcException => Problem(503, "A service that this needs is away."),
        _ when DatabaseErrorIn(exception) is { } e && IsAway(e) => Problem(503, "The service's database is away."),
        _ => null,
    };

    private static ProblemDetails Problem(int status, string detail) => new() { Status = status, Detail = detail };

    private static HttpValidationProblemDetails Invalid(string field, string error) =>
        new(new Dictionary<string, string[]> { [field] = [error] }) { Status = 400 };

    /// <summary>Whether the database cannot be reached, or asks to try again.</summary>
    public static bool IsAway(NpgsqlException e) =>
        e is { IsTransient: true } or { InnerException: SocketException or IOException or TimeoutException } or PostgresException { SqlState: ['5', '7', ..] };

    public static NpgsqlException? DatabaseErrorIn(Exception? exception)
    {
        while (exception is not null and not NpgsqlException)
            exception = exception.InnerException;
        return (NpgsqlException?)exception;
    }

    /// <summary>What a minimal API says of a parameter in the path, the query or a header that it cannot read.</summary>
    [GeneratedRegex(@"^(Failed to bind parameter|Required parameter) ""\S+ (?<name>\w+)""")]
    private static partial Regex UnboundParameter();

    [LoggerMessage(LogLevel.Warning, "{Path} could not be served")]
    private partial void LogUnavailable(string path, Exception exception);
}

/// <summary>The same for a caller inside the mesh, by gRPC's status codes; what is left over is <c>UNKNOWN</c>.</summary>
internal sealed class ExceptionToStatus : Interceptor
{
    public override async Task<TResponse> UnaryServerHandler<TRequest, TResponse>(TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            return await continuation(request, context);
        }
        catch (InvalidFieldException e)
        {
            throw new RpcException(new(StatusCode.InvalidArgument, e.Message));
        }
        catch (Exception e) when (ExceptionToProblem.DatabaseErrorIn(e) is { } error)
        {
            if (ExceptionToProblem.IsAway(error))
                throw new RpcException(new(StatusCode.Unavailable, "The service's database is away.", e));
            throw;
        }
    }
}
